import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ShownClient } from '../../src/dashboard.ts'
import type { Clock, ClientEvents } from '../../src/index.ts'
import { watch, type Watcher } from '../../src/observe/watchers.ts'

export interface ScriptedInstance {
  id: string
  state: 'available' | 'open' | 'probing'
  zone?: string
  version?: string
}

/** A client that does what the test says, when it says so: thousands of calls without a server. */
export class Scripted {
  readonly service: string
  instances: ScriptedInstance[]
  readonly #clock: Clock
  readonly #watchers = new Set<Watcher>()

  constructor(service: string, instances: ScriptedInstance[], clock: Clock) {
    this.service = service
    this.instances = instances
    this.#clock = clock
  }

  get shown(): ShownClient {
    return Object.assign(this, {
      [watch]: (watcher: Watcher) => this.#watch(watcher),
    }) as unknown as ShownClient
  }

  #watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  snapshot(): unknown {
    const { service } = this
    const instances = this.instances.map(({ id, zone, version }, index) => ({
      instance: { id, url: `http://10.0.${index >> 8}.${index & 255}:80`, zone, metadata: { version } },
      breaker: 'closed',
      inFlight: 1,
      queued: 0,
    }))
    return { service, ready: true, stale: false, budget: 10, instances }
  }

  explain(): unknown {
    const why = { available: 'may be picked', open: 'open for 900 ms more', probing: 'half-open' }
    const instances = this.instances.map(({ id, state }) => ({ id, state, why: why[state], weight: 1 }))
    return { budget: 10, instances }
  }

  /** One call, of one attempt. */
  call(id: string, duration: number, outcome: 'success' | 'failure' = 'success'): void {
    for (const watcher of this.#watchers) {
      watcher.attempt(this.service, 'GET /users/{id}', { id, url: 'http://10.0.0.1:80' }, outcome, duration)
      watcher.call(this.service, 'GET /users/{id}', 'GET', outcome, duration)
    }
  }

  tell(kind: keyof ClientEvents, id: string, more: object = {}): void {
    const instance = { id, url: 'http://10.0.0.1:80' }
    const event = { service: this.service, at: this.#at, instance, ...more } as ClientEvents['instance:added']
    for (const watcher of this.#watchers) watcher.event(kind, event)
  }

  get #at(): number {
    return this.#clock.now() + (this.#clock.epoch ?? 0)
  }
}

/** Milliseconds between two frames. */
const FRAME = 1_000

/** A clock that stands still until it is told to go on to the next frame. */
export class SteppedClock implements Clock {
  readonly epoch: number = Date.UTC(2026, 0, 1)
  #now = 0
  readonly #sleepers = new Map<() => void, number>()
  #sampler = Promise.withResolvers<void>()

  now(): number {
    return this.#now
  }

  random(): number {
    return 0.5
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const stop = (): void => reject(signal?.reason)
    this.#sleepers.set(resolve, this.#now + ms)
    signal?.addEventListener('abort', stop, { once: true })
    // The time that a permission may take is waited for, too.
    if (ms === FRAME) this.#sampler.resolve()
    return promise.finally(() => {
      this.#sleepers.delete(resolve)
      signal?.removeEventListener('abort', stop)
    })
  }

  /** To the next frame, which has been sent when this resolves. */
  async step(): Promise<void> {
    await this.#sampler.promise
    this.#sampler = Promise.withResolvers()
    this.#now += FRAME
    for (const [wake, at] of this.#sleepers) {
      if (at <= this.#now) wake()
    }
    await this.#sampler.promise
  }
}

/** Bytes that the process holds after a collection, buffers included. */
export function heapOfProcess(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + Math.max(external, arrayBuffers)
}
