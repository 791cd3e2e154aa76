import type { Classify } from '../attempt/classify.ts'
import type { Balancer, Pick } from '../balance/balancer.ts'
import { checkMethods, checkNumber, checkObject } from '../options.ts'
import type { BreakerOptions } from '../breaker/policy.ts'
import type { Clock } from '../clock.ts'
import type { Source } from '../registry/source.ts'
import type { BudgetOptions } from '../retry/budget.ts'
import type { RetryOptions } from '../retry/policy.ts'
import type { Pool } from '../undici.ts'

export interface TimeoutOptions {
  /**
   * Milliseconds for the whole call, from its start to the headers of its answer: waiting for discovery, every
   * try and the waits between them. It ends in a standard `TimeoutError`.
   * @default 30_000
   */
  total?: number
  /** Milliseconds for each try. @default none */
  attempt?: number
}

/** What a route may set for itself; what it leaves out is the client's. */
export interface RouteRule {
  /** An object gives the route a breaker of its own on each instance; false neither guards nor counts it. */
  breaker?: BreakerOptions | false
  /** @default the client's */
  retry?: RetryOptions | false
  /** A number is `total`. @default the client's */
  timeout?: number | TimeoutOptions | false
  /** @default the client's */
  classify?: Classify
}

export interface ClientOptions {
  /** The host that callers write: `http://user-service/…`. A port may follow. */
  service: string
  /** Where its instances come from. */
  source: Source
  /** How one instance is picked: a strategy, or a function of your own. @default leastRequest() */
  balance?: Balancer | Pick
  /** The breaker in front of each instance; false for none. @default {} */
  breaker?: BreakerOptions | false
  /** @default { attempts: 3 } */
  retry?: RetryOptions | false
  /** The allowance for retries, per client. @default { ratio: 0.1, minPerSecond: 1 } */
  budget?: BudgetOptions
  /** A number is `total`; false is none at all. @default { total: 30_000 } */
  timeout?: number | TimeoutOptions | false
  /** Overrides what an answer or an error says about its instance; undefined leaves it to the default. */
  classify?: Classify
  /** Policy by route key: `'GET /users/{id}'`, `'/reports/**'` (any method). */
  routes?: Record<string, RouteRule>
  /**
   * Once fewer than this share of the instances may be picked, breakers are ignored: everything being open
   * more likely means that the breakers are wrong.
   * @default 0 (never)
   */
  panicThreshold?: number
  /** How long a removed instance may finish what it carries, in ms. @default 30_000 */
  drainTimeout?: number
  /** How long a drop to zero instances is held back, in ms. @default the source's, or 30_000 */
  emptyGrace?: number
  /** Options of the undici Pool in front of each instance: connections, TLS, timeouts. */
  transport?: Pool.Options
  /** Time and chance. @default the system's */
  clock?: Clock
}

const OPTIONS: readonly (keyof ClientOptions)[] = [
  'service',
  'source',
  'balance',
  'breaker',
  'retry',
  'budget',
  'timeout',
  'classify',
  'routes',
  'panicThreshold',
  'drainTimeout',
  'emptyGrace',
  'transport',
  'clock',
]

/** Checks what no part of the client checks by itself. */
export function checkClientOptions(options: ClientOptions): void {
  checkObject('createClient()', options, OPTIONS)
  checkMethods('source', options.source, ['watch'])
  if (options.clock !== undefined) checkMethods('clock', options.clock, ['now', 'sleep', 'random'])
  checkNumber('panicThreshold', options.panicThreshold ?? 0, { max: 1 })
  checkNumber('drainTimeout', options.drainTimeout ?? 0)
}
