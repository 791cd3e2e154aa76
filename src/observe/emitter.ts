import { EventEmitter } from 'eventemitter3'
import type { Channel } from 'node:diagnostics_channel'
import { notify } from '../hooks/notify.ts'
import { quote } from '../quote.ts'
import type { ClientEvents } from './events.ts'
import type { Watcher } from './watchers.ts'

export type Listener<Payload> = (event: Payload) => unknown

type Guarded = (event: unknown) => void

/**
 * eventemitter3 behind a wall: a listener that throws (or rejects) becomes one process warning, never the
 * caller's problem and never another listener's.
 */
export class Emitter<Events extends object> {
  readonly #inner = new EventEmitter()
  readonly #guarded = new WeakMap<Listener<never>, Guarded>()
  readonly #channels: ReadonlyMap<string, Channel> | undefined
  /** Whether anybody listens to anything; those who watch do not count. */
  attended = false
  /** Who counts calls and attempts; undefined when nobody does. */
  watchers: readonly Watcher[] | undefined
  #hadOnce = false

  /** `channels`: where events of a name are published besides, as `{ name, event }`. */
  constructor(channels?: ReadonlyMap<string, Channel>) {
    this.#channels = channels
  }

  on<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): void {
    this.#inner.on(name, this.#guard(name, listener))
    this.attended = true
  }

  once<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): void {
    this.#inner.once(name, this.#guard(name, listener))
    this.attended = this.#hadOnce = true
  }

  /** Without a listener, removes all listeners of that name. */
  off<Name extends keyof Events & string>(name: Name, listener?: Listener<Events[Name]>): void {
    if (listener === undefined) this.#inner.removeAllListeners(name)
    else this.#inner.off(name, this.#guard(name, listener))
    this.attended = this.#inner.eventNames().length > 0
  }

  /** Until what is returned is called. */
  watch(watcher: Watcher): () => void {
    this.watchers = [...(this.watchers ?? []), watcher]
    return () => {
      const others = this.watchers?.filter((each) => each !== watcher)
      this.watchers = others?.length ? others : undefined
    }
  }

  /** Lets hot paths skip building a payload nobody will see. */
  has(name: keyof Events & string): boolean {
    return (
      this.#inner.listenerCount(name) > 0 ||
      this.#channels?.get(name)?.hasSubscribers === true ||
      this.watchers?.some(({ names }) => names.has(name as keyof ClientEvents)) === true
    )
  }

  emit<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    this.#inner.emit(name, event)
    if (this.#hadOnce) this.attended = this.#inner.eventNames().length > 0
    const channel = this.#channels?.get(name)
    if (channel?.hasSubscribers) channel.publish({ name, event })
    if (this.watchers) this.#tellWatchers(name as keyof ClientEvents, event as ClientEvents['call'])
  }

  #tellWatchers(name: keyof ClientEvents, event: ClientEvents[keyof ClientEvents]): void {
    for (const watcher of this.watchers ?? [])
      if (watcher.names.has(name)) notify(() => watcher.event(name, event), [], WARNING)
  }

  #guard<Payload>(name: string, listener: Listener<Payload>): Guarded {
    if (typeof listener !== 'function') {
      throw new TypeError(`the listener for '${name}' must be a function, got ${quote(listener)}`)
    }
    let guarded = this.#guarded.get(listener)
    if (!guarded) {
      guarded = (event): void => {
        notify(listener, [event as Payload], WARNING)
      }
      this.#guarded.set(listener, guarded)
    }
    return guarded
  }
}

const WARNING = { message: 'an Outrigger event listener threw; the call went on', code: 'OUTRIGGER_LISTENER' }
