import type { HealthOptions } from '../health/policy.ts'
import type { OwnHeaders } from '../headers/own-headers.ts'
import type { Classify } from '../verdict/classify.ts'
import type { Balancer, Pick } from '../balance/balancer.ts'
import type { BreakerOptions } from '../breaker/policy.ts'
import type { Clock } from '../clock.ts'
import type { MirrorOptions } from '../mirror/options.ts'
import type { TrafficRule } from '../traffic/options.ts'
import type { WhenAllOpen } from '../fleet/view.ts'
import type { OutlierOptions } from '../fleet/outlier-policy.ts'
import type { CoalesceOptions } from '../fallback/coalesce.ts'
import type { StaleOptions } from '../fallback/stale.ts'
import type { Fallback } from '../fallback/types.ts'
import type { LimitOptions } from '../limit/policy.ts'
import type { ThrottleOptions } from '../limit/throttle.ts'
import type { AllowOptions } from '../registry/allow.ts'
import type { Instance, Source } from '../registry/source.ts'
import type { BudgetOptions } from '../retry/budget.ts'
import type { HedgeOptions } from '../retry/hedge.ts'
import type { RetryOptions } from '../retry/policy.ts'
import type { ContractPolicy } from '../typed/contract.ts'
import type { Dispatcher, Pool } from '../undici.ts'
import type { RouteRule, TimeoutOptions } from './route-rule.ts'

/** How to send the remaining time of a call to the server. */
export interface DeadlineOptions {
  /**
   * The name of the request header that carries the remaining milliseconds. On the server, `withDeadline()` reads it.
   */
  header: string
}

/**
 * The maximum number of calls in flight: a number, `'adaptive'`, or an object that can also set a queue and a limit
 * for each instance.
 */
export type ClientLimit =
  | number
  | 'adaptive'
  | (LimitOptions & {
      /**
       * The maximum number of attempts in flight on one instance, an integer >= 1. An instance that has reached it is
       * not picked.
       * @default none
       */
      perInstance?: number
    })

/**
 * The options of `createClient()`. `service` and `source` are required. `undefined` means the default. Options that a
 * route rule has too apply to all routes whose rule does not set them. An option of the wrong type throws a
 * TypeError, and a number out of range a RangeError; both name the option.
 */
export interface ClientOptions extends ContractPolicy {
  /** The host that callers write in URLs, with an optional port: `user-service` for `http://user-service/users/42`. */
  service: string
  /**
   * Where the instances come from: a registry, a list, or any object with a method `watch()`.
   *
   * @example
   * source: fixed(['http://10.0.0.7:8080', 'http://10.0.0.8:8080'])
   */
  source: Source
  /**
   * The addresses that the source may send calls to. Instances with other addresses are left out, and reported in the
   * event `source:invalid`.
   * @default link-local and metadata addresses and unix sockets are refused, unless `fixed()` or a MemoryRegistry has
   * them
   * @example
   * allow: { addresses: ['10.0.0.0/8'] }
   */
  allow?: AllowOptions
  /**
   * How an instance is picked for each try: a strategy, or your own function. It is called synchronously and must not
   * return a promise. @default peakEwma()
   */
  balance?: Balancer | Pick
  /**
   * Rules for which instances a call may go to. The first rule that matches a call applies to it. Its retries and
   * hedges stay on these instances. `false` means no rules.
   * @default any instance
   * @example
   * traffic: [
   *   { when: { header: { 'x-canary': true } }, to: { version: 'v2' } },
   *   { to: { version: 'v2' }, share: 0.05, key: { cookie: 'session' } },
   * ]
   */
  traffic?: readonly TrafficRule[] | false
  /**
   * Sends copies of GET, HEAD and OPTIONS requests without a body to instances that you want to test. No call waits
   * for the response to a copy, and it counts nowhere. The event `mirror` and `snapshot().mirror` report the copies.
   * Throws a TypeError if `transport` is a function.
   * @default false
   * @example
   * mirror: { to: { version: 'v2' }, share: 0.05 }
   */
  mirror?: MirrorOptions | false
  /**
   * The circuit breaker in front of each instance. `false` turns breakers off. @default {}
   *
   * @example
   * breaker: { failureThreshold: 5, openFor: 60_000 }
   */
  breaker?: BreakerOptions | false
  /** How often a failed call is tried again, and when. `false` turns retries off. @default { attempts: 3 } */
  retry?: RetryOptions | false
  /**
   * Starts a second try on another instance if the first is slow. The first good response wins. Only idempotent
   * requests are hedged, and only as far as `budget` allows. `false` turns hedges off.
   * @default false
   * @example
   * hedge: { after: 200 }
   */
  hedge?: HedgeOptions | false
  /** How many retries and hedges the client may make. @default { ratio: 0.1, minPerSecond: 1 } */
  budget?: BudgetOptions
  /**
   * In milliseconds. A number is `total`. `false` turns all timeouts off. @default { total: 30_000, connect: 10_000 }
   *
   * @example
   * timeout: { total: 5_000, attempt: 1_000 }
   */
  timeout?: number | TimeoutOptions | false
  /**
   * True if a call that is made before the first instances are known waits for them up to its deadline, even if the
   * source has failed. With `false`, it is rejected with a `NoInstanceError` as soon as the source cannot be reached,
   * refuses this client, is misconfigured, or has failed twice.
   * @default false
   */
  waitForReady?: boolean
  /**
   * The maximum number of calls in flight, and of calls that wait for a place. All other calls are rejected at once.
   * A number is `max`, an integer >= 1. `false` means no limit. @default none
   *
   * @example
   * limit: { max: 100, queue: 50 }
   */
  limit?: ClientLimit | false
  /** Does not send calls that the service would most likely refuse. `{}` uses the defaults. @default none */
  throttle?: ThrottleOptions | false
  /**
   * Returns the response if the call fails, or if its response is not good. It gets the error, or the last response,
   * and may return a promise. Only for fetch.
   * @default none
   * @example
   * fallback: () => Response.json([])
   */
  fallback?: Fallback | false
  /**
   * Stores good responses, and returns the last one if the call fails, before `fallback` is called. Only for fetch.
   * Throws a TypeError if `headers` is a function. @default none
   *
   * @example
   * stale: { maxAge: 60_000 }
   */
  stale?: StaleOptions | false
  /**
   * Lets identical GET calls that are in flight at the same time share one request. Only for fetch. Throws a
   * TypeError if `headers` is a function. @default false
   */
  coalesce?: boolean | CoalesceOptions
  /**
   * Sends the remaining time of the call with each request. @default none is sent
   *
   * @example
   * deadline: { header: 'x-outrigger-deadline' }
   */
  deadline?: DeadlineOptions
  /**
   * Headers to send with every request: an object, or a function that is called before each try. The function runs in
   * the async context of its call, and may return a promise. A header that the caller has set is not replaced. Events
   * and logs never contain these headers. With a function, `coalesce` and `stale` throw a TypeError: their responses
   * could be for another caller.
   * @default none
   */
  headers?: OwnHeaders
  /**
   * The name of the request header that carries the number of the attempt, counted from 1. @default none is sent
   *
   * @example
   * attemptHeader: 'x-outrigger-attempt'
   */
  attemptHeader?: string
  /**
   * Decides what a response or an error says about its instance. It is called synchronously for each attempt. It
   * returns an outcome, or undefined for the default. @default by the status of the response
   *
   * @example
   * classify: ({ status }) => (status === 404 ? 'failure' : undefined)
   */
  classify?: Classify
  /**
   * Rules for routes, by route key: `'GET /users/{id}'`, or `'/reports/**'` for any method. @default {}
   *
   * @example
   * routes: { 'GET /reports/**': { timeout: 60_000, retry: false } }
   */
  routes?: Record<string, RouteRule>
  /**
   * Compares the instances with each other, and opens the breaker of those that are much worse. Throws a TypeError if
   * `breaker` is false. `{}` uses the defaults. @default none
   */
  outliers?: OutlierOptions | false
  /**
   * Sends health requests to each instance, in addition to calls, while the client is in use. An unhealthy instance
   * is picked only if there is no better one, and the first probe of an open breaker waits for a check. Throws a
   * TypeError if `transport` is a function.
   * @default false
   * @example
   * health: { path: '/healthz' }
   */
  health?: HealthOptions | false
  /**
   * The number of connections to open, with their TLS handshakes, to an instance that joins while the client is in
   * use: an integer from 0 to 100. The instance gets calls once they are open or have failed, but at the latest after
   * 1 s. If more than half of the instances are new, they get calls at once. Throws a TypeError if `transport` is a
   * function.
   * @default 0
   */
  warm?: number
  /**
   * A fraction from 0 to 1. If fewer than this fraction of the instances may be picked, breakers are ignored: if most
   * breakers are open, it is more likely that the breakers are wrong.
   * @default 0 (never)
   */
  panicThreshold?: number
  /**
   * What happens to calls while every breaker is open. `'throttle'` lets a fraction of them through as early probes:
   * ten times the fraction that succeeded recently, and at least a tenth of the calls and one per second. `'refuse'`
   * lets none through until the `openFor` of a breaker is over. If `openFor` is a number, neither lets any through.
   * @default 'throttle'
   */
  whenAllOpen?: WhenAllOpen
  /**
   * In milliseconds, >= 0. How long the requests of a removed instance, or of a closed client, may take to finish.
   * @default 30_000
   */
  drainTimeout?: number
  /**
   * In milliseconds, >= 0. How long the last instances stay in use if the source suddenly lists none. @default the
   * source's, or 30_000
   */
  emptyGrace?: number
  /**
   * Options of the undici Pool in front of each instance (connections, TLS, HTTP/2), or a function that returns the
   * dispatcher for an instance, such as a ProxyAgent. The function is called for the first request to an instance,
   * and again after its url or this option has changed. It must return a new dispatcher each time, because the client
   * destroys it.
   * @default {}
   * @example
   * transport: { connections: 10, allowH2: true }
   */
  transport?: Pool.Options | ((instance: Instance) => Dispatcher)
  /**
   * Returns what events and channels show of a call's path. It gets the path with its query. If it returns undefined,
   * they show no path.
   * @default the path without its query
   */
  redactPath?: (path: string) => string | undefined
  /**
   * In bytes, an integer >= 1. The body of a larger response fails. The limit applies to the body as it is received,
   * on every door, and for fetch again after decoding, because a small body may decode to a large one. Throws a
   * TypeError if `transport` is a function.
   * @default none
   */
  maxResponseSize?: number
  /**
   * How fetch calls are made. With `'fast'`, a plain call (a string or URL, no body or one in memory) with a plain
   * response does not use the platform's fetch. It costs about half as much, and its Response makes only what is
   * asked for. All other calls go through fetch, and so do all calls while something has replaced `globalThis.fetch`.
   * With `'platform'`, all calls go through fetch.
   * @default 'fast'
   */
  fetch?: 'platform' | 'fast'
  /** The source of time and random numbers, for tests. @default the system's */
  clock?: Clock
}
