import { addressRequest, type LogicalHost } from '../attempt/address.ts'
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
import { outsideCalls, type Scope } from '../observe/scope.ts'
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

/** A request that was just sent. */
export interface Original {
  readonly attempt: Attempt
  /** The request as it was sent, without the headers that this client adds. */
  readonly options: Dispatcher.DispatchOptions
  /** The origin that the caller asked for. With `https:` it must be sent over TLS. */
  readonly origin: string
  readonly logical: LogicalHost
  /** The headers that this client adds, in lower case. */
  readonly extra: Readonly<Record<string, string>> | undefined
}

/**
 * Sends the copies of one client. Copies use separate connections, so that no call waits for them. They count for
 * nothing: not for the load or latency of an instance, its breakers, the balancer, the retry budget or the limits.
 */
export class Mirroring {
  readonly #context: MirroringContext
  /** The pools for new copies. Calls use other pools, which their endpoints own. */
  readonly #pools = new Map<LiveEndpoint, Dispatcher>()
  readonly #closingPools = new ClosingPools()
  /** Caches the endpoints of each subset, by the subset's key, until the list of all endpoints changes. */
  #listed: readonly LiveEndpoint[] | undefined
  readonly #lists = new Map<string, readonly LiveEndpoint[]>()
  /** Set by `close`. Resolves when all pools are destroyed. */
  #whenClosed: Promise<unknown> | undefined

  constructor(context: MirroringContext) {
    this.#context = context
  }

  /** Sends a copy if an instance is available for it. Never throws. */
  copy(mirror: Mirror, original: Original): void {
    if (this.#whenClosed) return
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

  /**
   * Called when new pools are needed, or when no plan has a mirror any more. Each pool closes when its copies have ended:
   * `drainTimeout` does not limit them, but each copy has a timeout. Later copies use new pools.
   */
  closePools(): void {
    for (const endpoint of this.#pools.keys()) this.#closePool(endpoint)
  }

  /** Called after the fleet has applied a snapshot. Does for the removed instances what `closePools` does for all. */
  closePoolsOfRemoved(): void {
    for (const endpoint of this.#pools.keys()) if (endpoint.removed) this.#closePool(endpoint)
  }

  /** Aborts the copies in flight. Resolves when their connections are closed. */
  close(reason: Error): Promise<unknown> {
    this.closePools()
    return (this.#whenClosed ??= this.#closingPools.destroy(reason))
  }

  /**
   * Picks a healthy instance at random. Unlike calls, copies do not go to an unhealthy instance if no other is left.
   * The fleet is not asked: it would treat the subset as one that calls use.
   */
  #pick({ subset }: Mirror, { attempt, origin }: Original): LiveEndpoint | undefined {
    const { clock } = this.#context
    const now = clock.now()
    const list = this.#listOf(subset)
    const start = Math.floor(clock.random() * list.length)
    for (let ahead = 0; ahead < list.length; ahead++) {
      const endpoint = list[(start + ahead) % list.length]
      if (!endpoint || endpoint === attempt.endpoint || !isHealthyTarget(endpoint, now)) continue
      // A request that was made over TLS must not be copied in plain text.
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
    const to = addressRequest(
      { method, path, ...(query && { query }), headers: copyPlainHeaders(options.headers), body: null },
      endpoint.instance.url,
      logical,
      { ...extra, [MIRROR_HEADER]: '1' },
    )
    const pool = this.#poolOf(endpoint)
    const { instance } = endpoint
    const emitEvent = this.#emitterFor(original)
    const copy = new Copy(this.#context.clock, timeout, (end) => {
      copies.inFlight--
      if (isFailure(end)) copies.failed++
      emitEvent('mirror', (about) => ({ ...about, instance, ...endOf(end) }))
    })
    copies.inFlight++
    copies.sent++
    const dispatch = (): boolean => pool.dispatch(to, copy)
    try {
      // Runs in the async context in which undici gets the original. So the copy has the headers that tracers added to
      // the original, and tracers add no others.
      if (trail) trail.dispatch(dispatch)
      else dispatch()
    } catch (error) {
      copy.end(error)
    }
  }

  #drop(mirror: Mirror, original: Original): void {
    mirror.copies.dropped++
    this.#emitterFor(original)('mirror:dropped', (about) => about)
  }

  /**
   * Returns a function that emits events about the copy, in the call's async context. It keeps no reference to the
   * request.
   */
  #emitterFor({ attempt: { route, trail }, options: { method, path } }: Original): EmitCopyEvent {
    const { events, observer } = this.#context
    const scope: Scope = trail?.scope ?? outsideCalls
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

  #closePool(endpoint: LiveEndpoint): void {
    const pool = this.#pools.get(endpoint)
    this.#pools.delete(endpoint)
    if (pool) this.#closingPools.add(pool)
  }
}

function isHealthyTarget(endpoint: LiveEndpoint, now: number): boolean {
  const tier = tierOf(endpoint, undefined, now)
  return (tier === 'available' || tier === 'warming') && endpoint.allBreakersClosed()
}

type EmitCopyEvent = <Name extends 'mirror' | 'mirror:dropped'>(
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
