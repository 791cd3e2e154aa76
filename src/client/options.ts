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
import type { Priority } from '../limit/priority.ts'
import type { ThrottleOptions } from '../limit/throttle.ts'
import type { AllowOptions } from '../registry/allow.ts'
import type { Instance, Source } from '../registry/source.ts'
import type { BudgetOptions } from '../retry/budget.ts'
import type { HedgeOptions } from '../retry/hedge.ts'
import type { RetryOptions } from '../retry/policy.ts'
import type { ContractPolicy, RouteContract } from '../typed/contract.ts'
import type { Dispatcher, Pool } from '../undici.ts'

/** Limits of time, all in milliseconds. The first limit that is reached ends the call or the attempt. */
export interface TimeoutOptions {
  /**
   * Milliseconds for the whole call, from its start to the headers of its answer: waiting for discovery, every
   * try and the waits between them. It ends in a standard `TimeoutError`.
   * @default 30_000
   */
  total?: number
  /** Milliseconds for each try, until the headers of its answer. @default none */
  attempt?: number
  /**
   * Milliseconds for each try until its request is on a connection; what never got there is retried whatever
   * its method.
   * @default 10_000
   */
  connect?: number
  /**
   * Milliseconds between two pieces of a response's body. The body then fails with a `TimeoutError`.
   * @default none (undici's own `bodyTimeout` of 300_000 applies)
   */
  idle?: number
}

/** How the time that is left is told to the server. */
export interface DeadlineOptions {
  /** The request header that carries the milliseconds left, for `withDeadline()` on the other side. */
  header: string
}

/** A number is `max`. */
export type RouteLimit = number | 'adaptive' | LimitOptions

/** How many of the client's calls may be in flight: a number, `'adaptive'`, or both with a queue and a limit per instance. */
export type ClientLimit =
  | number
  | 'adaptive'
  | (LimitOptions & {
      /** Attempts that one instance may have in flight; an instance that is full is not picked. @default none */
      perInstance?: number
    })

/** What a route may set for itself; what it leaves out is the client's. */
export interface RouteRule extends RouteContract, ContractPolicy {
  /** An object gives the route a breaker of its own on each instance; false neither guards nor counts it. */
  breaker?: BreakerOptions | false
  /** @default the client's */
  retry?: RetryOptions | false
  /** A number is `total`. @default the client's */
  timeout?: number | TimeoutOptions | false
  /** @default the client's */
  hedge?: HedgeOptions | false
  /**
   * Whether sending a request twice does no more than sending it once, and so may be retried and hedged.
   * @default by its method (RFC 9110), or true with an `Idempotency-Key`
   */
  idempotent?: boolean
  /** @default the client's */
  waitForReady?: boolean
  /** A limit of the route's own, behind the client's; false exempts it from both. @default none of its own */
  limit?: RouteLimit | false
  /** @default the client's */
  throttle?: ThrottleOptions | false
  /** Who is shed first when there is too little for everybody. @default 'default' */
  priority?: Priority
  /** @default the client's */
  fallback?: Fallback | false
  /** @default the client's */
  stale?: StaleOptions | false
  /** @default the client's */
  coalesce?: boolean | CoalesceOptions
  /** @default the client's */
  classify?: Classify
  /** In the place of the client's rules; false: any instance. @default the client's */
  traffic?: readonly TrafficRule[] | false
  /** In the place of the client's; false: nothing is copied. @default the client's */
  mirror?: MirrorOptions | false
  /** Headers of the route's own, beside the client's and in their place. @default none of its own */
  headers?: OwnHeaders
}

/** What `createClient()` takes. `service` and `source` are required. Every option of a route may also be set here, for all routes. */
export interface ClientOptions extends ContractPolicy {
  /** The host that callers write: `http://user-service/…`. A port may follow. */
  service: string
  /** Where its instances come from. */
  source: Source
  /**
   * Which addresses the source may send calls to. What it refuses is left out, and told in `source:invalid`.
   * @default link-local and metadata addresses and unix sockets are refused, unless `fixed()` or a MemoryRegistry has them
   */
  allow?: AllowOptions
  /** How one instance is picked: a strategy, or a function of your own. @default peakEwma() */
  balance?: Balancer | Pick
  /**
   * Which instances a call may go to: the first rule that takes it says so. Retries and hedges stay there.
   * @default any instance
   * @example
   * traffic: [
   *   { when: { header: { 'x-canary': true } }, to: { version: 'v2' } },
   *   { to: { version: 'v2' }, share: 0.05, key: { cookie: 'session' } },
   * ]
   */
  traffic?: readonly TrafficRule[] | false
  /**
   * Sends copies of GET, HEAD and OPTIONS requests without a body to instances that are to be tried out. Nobody waits for their
   * answers, and they count nowhere: the events `mirror` and `snapshot().mirror` tell of them. Not with a function as `transport`.
   * @default false
   * @example
   * mirror: { to: { version: 'v2' }, share: 0.05 }
   */
  mirror?: MirrorOptions | false
  /** The breaker in front of each instance; false for none. @default {} */
  breaker?: BreakerOptions | false
  /** @default { attempts: 3 } */
  retry?: RetryOptions | false
  /**
   * A second try beside one that is slow, on another instance; the first good answer wins. Idempotent requests
   * only, and paid for from `budget`.
   * @default false
   */
  hedge?: HedgeOptions | false
  /** The allowance for retries and hedges, per client. @default { ratio: 0.1, minPerSecond: 1 } */
  budget?: BudgetOptions
  /** In ms. A number is `total`; false is none at all. @default { total: 30_000 } */
  timeout?: number | TimeoutOptions | false
  /**
   * Whether calls made before the first instances are known wait for them, up to their deadline, even if the source fails.
   * By default they wait only while there is hope: they are refused with a `NoInstanceError` once the source cannot be reached,
   * turns us away, is misconfigured, or has failed twice.
   * @default false
   */
  waitForReady?: boolean
  /** Calls in flight, and how many may wait for a place; all others are refused at once. @default none */
  limit?: ClientLimit | false
  /** Does not send what the service would in all likelihood turn down. @default none */
  throttle?: ThrottleOptions | false
  /**
   * Makes the answer when there is none or none that is good: given the error, or the last response. For the
   * fetch door.
   * @default none
   */
  fallback?: Fallback | false
  /** Serves a route's last good answer when all else fails. For the fetch door. @default none */
  stale?: StaleOptions | false
  /** Lets identical concurrent GETs share one request. For the fetch door. @default false */
  coalesce?: boolean | CoalesceOptions
  /** Sends the time that is left along with each request. @default none is sent */
  deadline?: DeadlineOptions
  /**
   * Headers to send with every request: values, or a function that is asked before each try, in the context of its call, and
   * may return a promise. A header of the caller's own wins. Events and logs never show them. With a function, `coalesce` and
   * `stale` are refused: their answers could be for another caller.
   * @default none
   */
  headers?: OwnHeaders
  /** The request header that carries the number of the attempt, `'x-outrigger-attempt'`. @default none is sent */
  attemptHeader?: string
  /** Overrides what an answer or an error says about its instance; undefined leaves it to the default. */
  classify?: Classify
  /** Policy by route key: `'GET /users/{id}'`, `'/reports/**'` (any method). */
  routes?: Record<string, RouteRule>
  /** Compares the instances with each other and ejects, through its breaker, what stands out. @default none */
  outliers?: OutlierOptions | false
  /**
   * Health requests to each instance beside the calls, while the client is in use: an unhealthy instance is picked only when
   * nobody better is there, and the first probe of an open breaker waits for a check. Not with a function as `transport`.
   * @default false
   */
  health?: HealthOptions | false
  /**
   * Connections, with their TLS handshakes, that are opened to an instance that joins while the client is in use. It gets calls once
   * they are open, or could not be opened, or after a second; at once where the new ones are more than half of all. Not with a function as `transport`.
   * @default 0
   */
  warm?: number
  /**
   * Once fewer than this share of the instances may be picked, breakers are ignored: everything being open
   * more likely means that the breakers are wrong.
   * @default 0 (never)
   */
  panicThreshold?: number
  /**
   * What becomes of calls while every breaker is open. `'throttle'` lets a part of them through as early probes: ten
   * times the share that recently succeeded, at least a tenth of the calls and one a second. `'refuse'` lets none through
   * until a breaker's `openFor` is over. Where `openFor` is a number, none is let through either way.
   * @default 'throttle'
   */
  whenAllOpen?: WhenAllOpen
  /** How long a removed instance may finish what it carries, in ms. @default 30_000 */
  drainTimeout?: number
  /** How long a drop to zero instances is held back, in ms. @default the source's, or 30_000 */
  emptyGrace?: number
  /**
   * Options of the undici Pool in front of each instance: connections, TLS, HTTP/2; or what makes the dispatcher
   * for an instance, such as a ProxyAgent. It is called for the first request to each, and again when its url or this option has
   * changed; return a new dispatcher each time: it is the client's to destroy.
   */
  transport?: Pool.Options | ((instance: Instance) => Dispatcher)
  /**
   * What events and channels show of a call's path: given the path with its query, the text to show, or undefined for none.
   * @default the path without its query
   */
  redactPath?: (path: string) => string | undefined
  /**
   * Bytes that the body of a response may have: as they come, on every door, and for fetch again after decoding, where a
   * small answer may unpack to a large one. The body of a larger one fails.
   * @default none
   */
  maxResponseSize?: number
  /**
   * Who makes the response of a fetch call. With `'fast'`, plain calls (a string or URL, no body or one in memory)
   * with plain answers go past the platform's fetch, at about half its price, and get a Response that makes only what is asked for. All others go
   * through fetch, as do all while somebody has replaced `globalThis.fetch`. With `'platform'`, all calls go through fetch.
   * @default 'fast'
   */
  fetch?: 'platform' | 'fast'
  /** Time and chance. @default the system's */
  clock?: Clock
}

export const CLIENT_OPTIONS: readonly (keyof ClientOptions)[] = [
  'service',
  'source',
  'allow',
  'balance',
  'breaker',
  'retry',
  'hedge',
  'budget',
  'timeout',
  'waitForReady',
  'limit',
  'throttle',
  'fallback',
  'stale',
  'coalesce',
  'deadline',
  'attemptHeader',
  'headers',
  'classify',
  'routes',
  'validate',
  'contractFailure',
  'outliers',
  'health',
  'warm',
  'panicThreshold',
  'whenAllOpen',
  'drainTimeout',
  'emptyGrace',
  'transport',
  'maxResponseSize',
  'redactPath',
  'traffic',
  'mirror',
  'fetch',
  'clock',
]
