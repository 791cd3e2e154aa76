import { EventEmitter } from 'eventemitter3'
import type { Channel } from 'node:diagnostics_channel'
import { notify } from '../hooks/notify.ts'
import { quote } from '../quote.ts'
import type { ClientEvents } from './events.ts'
import type { Watcher } from './watchers.ts'

export type Listener<Payload> = (event: Payload) => unknown

type GuardedListener = (event: unknown) => void

/**
 * An event emitter on top of eventemitter3. If a listener throws or rejects, the process gets one warning. The call and
 * the other listeners go on.
 */
export class Emitter<Events extends object> {
  readonly #inner = new EventEmitter()
  readonly #guardedListeners = new WeakMap<Listener<never>, GuardedListener>()
  readonly #channels: ReadonlyMap<string, Channel> | undefined
  /** True if there is any listener. Watchers do not count. */
  hasListeners = false
  /** The watchers that count calls and attempts; undefined if there are none. */
  watchers: readonly Watcher[] | undefined
  #hadOnce = false

  /** `channels` also publish the events of a name, as `{ name, event }`. */
  constructor(channels?: ReadonlyMap<string, Channel>) {
    this.#channels = channels
  }

  on<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): void {
    this.#inner.on(name, this.#guard(name, listener))
    this.hasListeners = true
  }

  once<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): void {
    this.#inner.once(name, this.#guard(name, listener))
    this.hasListeners = this.#hadOnce = true
  }

  /** Without `listener`, removes all listeners of that name. */
  off<Name extends keyof Events & string>(name: Name, listener?: Listener<Events[Name]>): void {
    if (listener === undefined) this.#inner.removeAllListeners(name)
    else this.#inner.off(name, this.#guard(name, listener))
    this.hasListeners = this.#inner.eventNames().length > 0
  }

  /** Adds a watcher. Returns a function that removes it. */
  watch(watcher: Watcher): () => void {
    this.watchers = [...(this.watchers ?? []), watcher]
    return () => {
      const others = this.watchers?.filter((each) => each !== watcher)
      this.watchers = others?.length ? others : undefined
    }
  }

  /** True if anything listens to this event. Hot paths use it to avoid building an unused payload. */
  has(name: keyof Events & string): boolean {
    return (
      this.#inner.listenerCount(name) > 0 ||
      this.#channels?.get(name)?.hasSubscribers === true ||
      this.watchers?.some(({ names }) => names.has(name as keyof ClientEvents)) === true
    )
  }

  emit<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    this.#inner.emit(name, event)
    if (this.#hadOnce) this.hasListeners = this.#inner.eventNames().length > 0
    const channel = this.#channels?.get(name)
    if (channel?.hasSubscribers) channel.publish({ name, event })
    if (this.watchers) this.#tellWatchers(name as keyof ClientEvents, event as ClientEvents['call'])
  }

  #tellWatchers(name: keyof ClientEvents, event: ClientEvents[keyof ClientEvents]): void {
    for (const watcher of this.watchers ?? [])
      if (watcher.names.has(name)) notify(() => watcher.event(name, event), [], WARNING)
  }

  #guard<Payload>(name: string, listener: Listener<Payload>): GuardedListener {
    if (typeof listener !== 'function') {
      throw new TypeError(`the listener for '${name}' must be a function, got ${quote(listener)}`)
    }
    let guarded = this.#guardedListeners.get(listener)
    if (!guarded) {
      guarded = (event): void => {
        notify(listener, [event as Payload], WARNING)
      }
      this.#guardedListeners.set(listener, guarded)
    }
    return guarded
  }
}

const WARNING = { message: 'an Outrigger event listener threw; the call went on', code: 'OUTRIGGER_LISTENER' }
