import type { LoadReport } from '../load/report.ts'
import type { Outcome } from '../observe/events.ts'
import type { Instance } from '../registry/source.ts'

/** What a strategy may know about a live endpoint. */
export interface Endpoint {
  readonly instance: Instance
  /** `instance.weight`, or 1. */
  readonly weight: number
  /** The number of attempts that use the endpoint. An attempt counts from the pick until the response body ends. */
  readonly inFlight: number
  /** The number of attempts that still wait for the response headers. */
  readonly pending: number
  /**
   * The mean age of the pending attempts in milliseconds. It shows a stalled instance before its first slow response.
   */
  pendingAge(now: number): number
}

/** The request for which an endpoint is picked. Its functions need no `this`: a strategy may destructure them. */
export interface PickRequest {
  /** The clock's monotonic time at this pick, in milliseconds. */
  readonly now: number
  /** Returns a random number in [0, 1) from the clock. */
  random(this: void): number
  /** The matched route key, `'GET /users/{id}'`. */
  readonly route?: string | undefined
  readonly method?: string | undefined
  /** Path and query as the caller wrote them. */
  readonly path?: string | undefined
  /** Returns the value of a request header. The name is in lower case. */
  header?(this: void, name: string): string | undefined
  /** Returns the value of a path parameter of the matched route. */
  param?(this: void, name: string): string | undefined
  /** The number of this try within its call, counted from 1. */
  readonly attempt: number
  /** True if this call has already tried the endpoint. */
  excluded(this: void, endpoint: Endpoint): boolean
  /**
   * All endpoints of the service, including those that may not be tried now. Strategies use it to compute shares. It is
   * the same array object until the next snapshot.
   */
  readonly all?: readonly Endpoint[] | undefined
}

/** What a strategy thinks of an endpoint. */
export interface Standing {
  /** The strategy compares some endpoints and picks the one with the lowest cost. */
  readonly cost?: number
  /** True if the strategy uses only a subset of the endpoints, and this endpoint is not in it. */
  readonly otherSubset?: true
}

/** A strategy: picks one endpoint. */
export interface Balancer {
  /**
   * `endpoints` is never empty and holds only endpoints that may be tried. It is the same array object until that set
   * changes, so a strategy may use it as a cache key. A retry, or a pick that leaves out a full instance, may pass a
   * new array. Returns undefined to pick none of them.
   */
  pick(endpoints: readonly Endpoint[], request: PickRequest): Endpoint | undefined
  /**
   * Called once for each attempt when it ends, `ms` milliseconds after its start. `status` is the HTTP status if there
   * was a response. The outcome `ignored` tells nothing about the endpoint except that the attempt took at least `ms`.
   * Optional.
   */
  settled?(endpoint: Endpoint, outcome: Outcome, ms: number, now: number, status?: number): void
  /**
   * Called when an attempt that was reported as a success failed later, `ms` milliseconds after its start: the response
   * body was cut short or broke its contract. Optional.
   */
  amended?(endpoint: Endpoint, ms: number, now: number): void
  /**
   * Called with the load that an instance reports in the response header `endpoint-load-metrics`. The call comes before
   * `settled` for the same response. Values that are not valid are left out, but a server may lie. Optional.
   */
  reported?(endpoint: Endpoint, report: LoadReport, now: number): void
  /** Returns what the strategy thinks of an endpoint, for `client.explain()`. Optional. */
  standing?(endpoint: Endpoint, now: number): Standing | undefined
}

/** A strategy written as a function. */
export type Pick = Balancer['pick']
