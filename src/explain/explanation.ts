import type { MirrorSnapshot } from '../mirror/snapshot.ts'
import type { InstanceState } from '../observe/events.ts'

/** One instance, and why it may be picked now or not. */
export interface InstanceExplanation {
  readonly id: string
  readonly url: string
  readonly zone?: string
  readonly state: InstanceState
  /** True if a call may go there now. */
  readonly mayBePicked: boolean
  /** The reason, in words. */
  readonly why: string
  /** Milliseconds until its breaker may admit a probe. Absent if it was isolated by hand. */
  readonly openFor?: number
  /** Milliseconds until the end of the pause that its server asked for. */
  readonly pausedFor?: number
  /** Its weight, as the registry or an operator has set it. */
  readonly weight: number
  /** The fraction of its share that it gets while it ramps up, 0 to 1. */
  readonly ramp: number
  /** The number of attempts in flight. */
  readonly inFlight: number
  /** The mean latency of recent successes in milliseconds. */
  readonly latency?: number
  /** Its cost by the strategy, which picks the lowest one. */
  readonly cost?: number
  /** True if the strategy or `traffic` uses only a subset of the instances, and this one is not in it. */
  readonly otherSubset?: true
}

/** The policy in effect. Times are in milliseconds. An absent time means no limit. */
export interface PlanExplanation {
  /** The timeout of the call until its response headers. */
  readonly total?: number
  /** The timeout of one try until its response headers. */
  readonly attempt?: number
  /** The timeout of one try until it has a connection. */
  readonly connect?: number
  /** The timeout between two chunks of the body. */
  readonly idle?: number
  /**
   * The maximum number of tries; 1 without retries. If the request must not be sent twice, further tries are made only
   * while nothing of it was sent.
   */
  readonly attempts: number
  /**
   * True if a request may be sent again after an instance may have processed it. The option
   * `idempotent` of the route decides. Without it, the method decides, or the header `Idempotency-Key` of the call.
   * Absent if the method is unknown.
   */
  readonly idempotent?: boolean
  /** The maximum number of hedges; 0 without hedging. */
  readonly hedges: number
  /** Which breaker guards the call: that of the instance, that of the route, or none. */
  readonly breaker: 'instance' | 'route' | 'none'
  readonly waitForReady: boolean
  readonly priority: string
}

/** Why a call would go to certain instances, or would be refused. It is plain JSON data, and prints as a table. */
export interface Explanation {
  readonly service: string
  /** The time in Unix milliseconds. */
  readonly at: number
  readonly route?: string
  readonly method?: string
  /**
   * The instances to which `traffic` limits the call; absent means any. A rule that takes calls at random is not
   * considered.
   */
  readonly subset?: string
  /** True if the source has sent its first instances. */
  readonly ready: boolean
  /** The error of the source, while it fails. */
  readonly sourceError?: string
  /** How many instances may be picked. */
  readonly available: number
  readonly instances: readonly InstanceExplanation[]
  readonly plan: PlanExplanation
  /** How many retries and hedges may be made now. */
  readonly budget: number
  /** The limits in the order in which a call passes them. */
  readonly limits: readonly { readonly limit: number; readonly inFlight: number; readonly queued: number }[]
  /** The copies made by `mirror` of the route or the client. Absent without `mirror`. */
  readonly mirror?: MirrorSnapshot
  /**
   * The options that were set by documents of `watchConfig()`, each with the name of the document's source. Absent if
   * there are none.
   */
  readonly setBy?: Readonly<Record<string, string>>
  /** The probability that a call is not sent, 0 to 1. Absent without `throttle`. */
  readonly throttled?: number
  toString(): string
}
