import { addressed, type LogicalHost } from '../attempt/address.ts'
import { copyPlainHeaders } from '../attempt/headers.ts'
import type { Clock } from '../clock.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { ClosingPools } from '../fleet/pools.ts'
import { tierOf } from '../fleet/tier.ts'
import type { Emitter } from '../observe/emitter.ts'
import type { ClientEvents, MirrorDroppedEvent, MirrorEvent } from '../observe/events.ts'
import type { Observer } from '../observe/observer.ts'
import { warnOnce } from '../hooks/warn-once.ts'
import { quote } from '../quote.ts'
import { nobody, type Scope } from '../observe/scope.ts'
import type { Subset } from '../traffic/subset.ts'
import type { Dispatcher } from '../undici.ts'
import { Copy, isFailure, type CopyEnd } from './copy.ts'
import { MIRROR_HEADER, type Mirror } from './mirror.ts'

export interface MirroringContext {
  readonly clock: Clock
  readonly fleet: Fleet
  readonly events: Emitter<ClientEvents>
  readonly observer: Observer
}

/** A request that has just been sent. */
export interface Original {
  readonly attempt: Attempt
  /** As it was sent, but for the headers of ours. */
  readonly options: Dispatcher.DispatchOptions
  /** Whom the caller asked for: over TLS, if it begins with https. */
  readonly origin: string
  readonly logical: LogicalHost
  /** Our own headers, in lower case. */
  readonly extra: Readonly<Record<string, string>> | undefined
}

/**
 * Sends the copies of one client. They have connections of their own, so that no call waits behind one, and count nowhere: not in
 * the load or latency of an instance, nor in its breakers, the balancer, the budget or the limits.
 */
export class Mirroring {
  readonly #context: MirroringContext
  readonly #pools = new Map<LiveEndpoint, Dispatcher>()
  readonly #closing = new ClosingPools()
  /** All endpoints, and those of each subset by its key. */
  #listed: readonly LiveEndpoint[] | undefined
  readonly #lists = new Map<string, readonly LiveEndpoint[]>()
  #closed: Promise<unknown> | undefined

  constructor(context: MirroringContext) {
    this.#context = context
  }

  /** Sends a copy if there is somebody to send it to. Never throws. */
  copy(mirror: Mirror, original: Original): void {
    if (this.#closed) return
    try {
      const endpoint = this.#pick(mirror, original)
      if (!endpoint) return
      if (mirror.copies.inFlight < mirror.max) this.#send(mirror, endpoint, original)
      else this.#drop(mirror, original)
    } catch (error) {
      mirror.copies.failed++
      warnOnce(mirror, `a request could not be copied: ${quote(error)}`, 'OUTRIGGER_MIRROR')
    }
  }

  /** The transport has changed, or there is no mirror any more: the pools close when their copies are over. Later copies get others. */
  renew(): void {
    for (const endpoint of this.#pools.keys()) this.#retire(endpoint)
  }

  /** To be called when the instances have changed: the pools of those that have left close when their copies are over. */
  forgetRemoved(): void {
    for (const endpoint of this.#pools.keys()) if (endpoint.removed) this.#retire(endpoint)
  }

  /** Ends the copies under way. Resolves when their connections are closed. */
  close(reason: Error): Promise<unknown> {
    this.renew()
    return (this.#closed ??= this.#closing.destroy(reason))
  }

  /**
   * One of the instances by chance. Only one that is well: the last resorts of calls are not for copies. The fleet is not asked, to
   * which each subset is one that calls may have to do with.
   */
  #pick({ subset }: Mirror, { attempt, origin }: Original): LiveEndpoint | undefined {
    const { clock } = this.#context
    const now = clock.now()
    const list = this.#listOf(subset)
    const start = Math.floor(clock.random() * list.length)
    for (let ahead = 0; ahead < list.length; ahead++) {
      const endpoint = list[(start + ahead) % list.length]
      if (!endpoint || endpoint === attempt.endpoint || !isWell(endpoint, now)) continue
      // What was asked for over TLS does not go out in plain text.
      if (!origin.startsWith('https:') || endpoint.instance.url.startsWith('https:')) return endpoint
    }
    return undefined
  }

  #listOf(subset: Subset): readonly LiveEndpoint[] {
    const { endpoints } = this.#context.fleet
    if (this.#listed !== endpoints) {
      this.#listed = endpoints
      this.#lists.clear()
    }
    let list = this.#lists.get(subset.key)
    if (!list) {
      list = endpoints.filter(({ instance }) => subset.has(instance))
      this.#lists.set(subset.key, list)
    }
    return list
  }

  #send(mirror: Mirror, endpoint: LiveEndpoint, original: Original): void {
    const { options, logical, extra } = original
    const { trail } = original.attempt
    const { copies, timeout } = mirror
    const { method, path, query } = options
    const to = addressed(
      { method, path, ...(query && { query }), headers: copyPlainHeaders(options.headers), body: null },
      endpoint.instance.url,
      logical,
      { ...extra, [MIRROR_HEADER]: '1' },
    )
    const pool = this.#poolOf(endpoint)
    const { instance } = endpoint
    const tell = this.#teller(original)
    const copy = new Copy(this.#context.clock, timeout, (end) => {
      copies.inFlight--
      if (isFailure(end)) copies.failed++
      tell('mirror', (about) => ({ ...about, instance, ...endOf(end) }))
    })
    copies.inFlight++
    copies.sent++
    const dispatch = (): boolean => pool.dispatch(to, copy)
    try {
      // Where its attempt is handed to undici: it carries the headers of the attempt's tracers, and gets none of others beside them.
      if (trail) trail.dispatch(dispatch)
      else dispatch()
    } catch (error) {
      copy.end(error)
    }
  }

  #drop(mirror: Mirror, original: Original): void {
    mirror.copies.dropped++
    this.#teller(original)('mirror:dropped', (about) => about)
  }

  /** What tells of a copy, in the context of its call. It does not keep the request alive. */
  #teller({ attempt: { route, trail }, options: { method, path } }: Original): Teller {
    const { events, observer } = this.#context
    const scope: Scope = trail?.scope ?? nobody
    const id = trail?.id
    return (name, event) => {
      if (!events.has(name)) return
      scope.runInAsyncScope(() => {
        const shown = observer.redacted(path)
        const about = {
          ...observer.stamp(),
          ...(id !== undefined && { id }),
          method: String(method),
          ...(route !== undefined && { route }),
          ...(shown !== undefined && { path: shown }),
        }
        events.emit(name, event(about))
      })
    }
  }

  #poolOf(endpoint: LiveEndpoint): Dispatcher {
    const known = this.#pools.get(endpoint)
    if (known) return known
    const made = this.#context.fleet.makePool(endpoint.instance)
    this.#pools.set(endpoint, made)
    return made
  }

  #retire(endpoint: LiveEndpoint): void {
    const pool = this.#pools.get(endpoint)
    this.#pools.delete(endpoint)
    if (pool) this.#closing.add(pool)
  }
}

function isWell(endpoint: LiveEndpoint, now: number): boolean {
  const tier = tierOf(endpoint, undefined, now)
  return (tier === 'available' || tier === 'warming') && endpoint.allClosed()
}

type Teller = <Name extends 'mirror' | 'mirror:dropped'>(
  name: Name,
  event: (about: MirrorDroppedEvent) => ClientEvents[Name],
) => void

function endOf(end: CopyEnd): Pick<MirrorEvent, 'outcome' | 'duration' | 'status' | 'error'> {
  const { status, error, ms } = end
  return {
    outcome: isFailure(end) ? 'failure' : 'success',
    duration: ms,
    ...(status !== undefined && { status }),
    ...(error !== undefined && { error }),
  }
}
