import type { LoadReport } from '../load/report.ts'
import type { Outcome } from '../observe/events.ts'
import type { Instance } from '../registry/source.ts'

/** What a strategy may know about a live endpoint. */
export interface Endpoint {
  readonly instance: Instance
  /** `instance.weight`, or 1. */
  readonly weight: number
  /** Attempts that hold the endpoint: from the pick to the end of the body. */
  readonly inFlight: number
  /** Attempts still waiting for their response's headers. */
  readonly pending: number
  /** Mean age of the pending attempts in ms: a stalled instance shows here before its first slow response. */
  pendingAge(now: number): number
}

/** The request a pick is made for. Its functions may be taken out of it. */
export interface PickRequest {
  /** The clock's monotonic milliseconds at this pick. */
  readonly now: number
  /** The clock's randomness, in [0, 1). */
  random(this: void): number
  /** The matched route key, `'GET /users/{id}'`. */
  readonly route?: string | undefined
  readonly method?: string | undefined
  /** Path and query as the caller wrote them. */
  readonly path?: string | undefined
  /** A request header by its lower-case name. */
  header?(this: void, name: string): string | undefined
  /** A path parameter of the matched route. */
  param?(this: void, name: string): string | undefined
  /** 1 for the first try of a call. */
  readonly attempt: number
  /** True when this call has already tried the endpoint. */
  excluded(this: void, endpoint: Endpoint): boolean
  /**
   * Every endpoint of the service, those that may not be tried now included: what there is in all, for
   * strategies that reason about shares. The same array object until the next snapshot.
   */
  readonly all?: readonly Endpoint[] | undefined
}

/** What a strategy makes of an endpoint. */
export interface Standing {
  /** The lowest is picked, among those compared. */
  readonly cost?: number
  /** It keeps to a part of the endpoints, and this one is in another. */
  readonly otherSubset?: true
}

/** A strategy: picks one endpoint. */
export interface Balancer {
  /**
   * `endpoints` is never empty and holds only endpoints that may be tried. It is the same array object until that
   * set changes, so a strategy may cache by its identity; only a retry, and a pick past a full instance, may come
   * with an array made for it. Undefined means none of them.
   */
  pick(endpoints: readonly Endpoint[], request: PickRequest): Endpoint | undefined
  /**
   * Told once per attempt how it ended, `ms` after its start, and with which HTTP status if there was an answer. Optional.
   * `ignored` means nothing can be learnt about the endpoint but that it took at least `ms`.
   */
  settled?(endpoint: Endpoint, outcome: Outcome, ms: number, now: number, status?: number): void
  /**
   * Told that a success was none after all, `ms` after the attempt's start: the body was cut short, or broke its contract.
   * Optional.
   */
  amended?(endpoint: Endpoint, ms: number, now: number): void
  /**
   * Told what an answer's `endpoint-load-metrics` header says of the load of its instance; before `settled` is told of that
   * answer. What makes no sense is left out, but a server may lie. Optional.
   */
  reported?(endpoint: Endpoint, report: LoadReport, now: number): void
  /** What the strategy makes of an endpoint, for `client.explain()`. Optional. */
  standing?(endpoint: Endpoint, now: number): Standing | undefined
}

/** A strategy as a bare function. */
export type Pick = Balancer['pick']
