import { checkNumber, checkObject } from '../options.ts'
import { asBalancer } from './as-balancer.ts'
import type { Balancer, Endpoint, Pick, PickRequest } from './balancer.ts'
import { decorate } from './decorate.ts'
import { perSet } from './per-set.ts'
import { factories } from './factories.ts'

/** Options of `slowStart()`. */
export interface SlowStartOptions {
  /**
   * The time in which a new endpoint grows to its full share, in milliseconds.
   * @default 30_000
   */
  readonly window?: number
  /**
   * The fraction of its share that a new endpoint starts with, 0 to 1.
   * @default 0.1
   */
  readonly initial?: number
}

/** How often a pick is repeated when it returns an endpoint that is still warming. */
const MAX_REPICKS = 3

/**
 * Gives an endpoint that joins a running service few requests at first, and more with time, while it fills its caches
 * and compiles its code. The endpoints of the first set count as warm.
 *
 * @example
 * createClient({ service: 'users', source, balance: slowStart(roundRobin(), { window: 60_000 }) })
 */
export function slowStart(inner: Balancer | Pick, options: SlowStartOptions = {}): Balancer {
  checkObject('slowStart', options, ['window', 'initial'])
  const { window = 30_000, initial = 0.1 } = options
  checkNumber('slowStart.window', window, { exclusive: true })
  checkNumber('slowStart.initial', initial, { max: 1 })
  const strategy = asBalancer(inner, 'slowStart.inner')
  const joined = new WeakMap<Endpoint, number>()
  let started = false

  /** The time when all endpoints of a set are warm. */
  const warmAt = perSet((endpoints, { now }) => {
    let at = -Infinity
    for (const endpoint of endpoints) {
      if (!joined.has(endpoint)) joined.set(endpoint, started ? now : -Infinity)
      at = Math.max(at, (joined.get(endpoint) ?? now) + window)
    }
    started = true
    return { at }
  })

  return decorate(strategy, (endpoints, request) => {
    const { now } = request
    if (warmAt(endpoints, request).at <= now) return strategy.pick(endpoints, request)
    let asked = request
    let chosen = strategy.pick(endpoints, asked)
    for (let repick = 0; chosen && repick < MAX_REPICKS; repick++) {
      const warmth = (now - (joined.get(chosen) ?? now)) / window
      if (warmth >= 1 || request.random() < Math.max(warmth, initial)) return chosen
      asked = new RequestExcluding(asked, chosen)
      const other = strategy.pick(endpoints, asked)
      // Only warming or tried endpoints are left. A warming endpoint is better than one that this call has tried.
      if (!other || asked.excluded(other)) return chosen
      chosen = other
    }
    return chosen
  })
}

/** A request that also excludes one more endpoint. */
class RequestExcluding implements PickRequest {
  readonly #request: PickRequest
  readonly #endpoint: Endpoint
  readonly now: number
  readonly route: string | undefined
  readonly method: string | undefined
  readonly path: string | undefined
  readonly attempt: number
  readonly all: readonly Endpoint[] | undefined

  constructor(request: PickRequest, endpoint: Endpoint) {
    this.#request = request
    this.#endpoint = endpoint
    this.now = request.now
    this.route = request.route
    this.method = request.method
    this.path = request.path
    this.attempt = request.attempt
    this.all = request.all
  }

  random(): number {
    return this.#request.random()
  }

  header(name: string): string | undefined {
    return this.#request.header?.(name)
  }

  param(name: string): string | undefined {
    return this.#request.param?.(name)
  }

  excluded(endpoint: Endpoint): boolean {
    return endpoint === this.#endpoint || this.#request.excluded(endpoint)
  }
}

factories.add(slowStart)
