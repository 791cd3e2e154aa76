import type { MirrorSnapshot } from '../mirror/snapshot.ts'
import type { InstanceState } from '../observe/events.ts'

/** One instance, and why it may be picked now or not. */
export interface InstanceExplanation {
  readonly id: string
  readonly url: string
  readonly zone?: string
  readonly state: InstanceState
  /** Whether a call may go there now. */
  readonly mayBePicked: boolean
  /** The reason, in words. */
  readonly why: string
  /** Milliseconds until its breaker may admit a probe; absent when it was isolated by hand. */
  readonly openFor?: number
  /** Milliseconds until the pause is over that its server asked for. */
  readonly pausedFor?: number
  /** Its weight in the balancer, as the registry or an operator has set it. */
  readonly weight: number
  /** The part of its share that it gets while it ramps up, 0 to 1. */
  readonly ramp: number
  /** Attempts in flight. */
  readonly inFlight: number
  /** Mean ms of recent successes. */
  readonly latency?: number
  /** What the strategy makes of it: the lowest is picked. */
  readonly cost?: number
  /** Set when the strategy, or `traffic`, keeps to a part of the instances, and this one is in another. */
  readonly otherSubset?: true
}

/** The policy in force. Times are in ms; a time that is absent has no limit. */
export interface PlanExplanation {
  /** For the whole call, until the headers of its answer. */
  readonly total?: number
  /** For one try, until the headers of its answer. */
  readonly attempt?: number
  /** Until a try has a connection. */
  readonly connect?: number
  /** Between two pieces of the body. */
  readonly idle?: number
  /** Tries in all; 1 without retries. A request that may not be sent twice has only those of which nothing was sent. */
  readonly attempts: number
  /**
   * Whether a request that an instance may have worked on may be sent again: as the method says, or `idempotent` of the route. A
   * call with an `Idempotency-Key` may be, whatever stands here. Absent where no method is known.
   */
  readonly idempotent?: boolean
  /** Tries that may join a slow one; 0 without hedges. */
  readonly hedges: number
  /** Whose breaker stands in front: the instance's, the route's own, or none. */
  readonly breaker: 'instance' | 'route' | 'none'
  readonly waitForReady: boolean
  readonly priority: string
}

/** Why a call would go where it goes, or be refused: plain JSON data, and a table when it is printed. */
export interface Explanation {
  readonly service: string
  /** Unix ms. */
  readonly at: number
  readonly route?: string
  readonly method?: string
  /** The part of the instances that `traffic` sends it to; absent: any. A call that only chance takes is not considered. */
  readonly subset?: string
  /** Whether the first instances are known. */
  readonly ready: boolean
  /** What the source failed with, while it does. */
  readonly sourceError?: string
  /** How many instances may be picked. */
  readonly available: number
  readonly instances: readonly InstanceExplanation[]
  readonly plan: PlanExplanation
  /** Retries and hedges that may be made now. */
  readonly budget: number
  /** In the order in which a call passes them. */
  readonly limits: readonly { readonly limit: number; readonly inFlight: number; readonly queued: number }[]
  /** The copies of its requests, `mirror` of the route or of the client; absent without. */
  readonly mirror?: MirrorSnapshot
  /** The options that documents of `watchConfig()` have set, each with the name of its source; absent without. */
  readonly setBy?: Readonly<Record<string, string>>
  /** How likely a call is not sent, 0 to 1; absent without a throttle. */
  readonly throttled?: number
  toString(): string
}
