import type { Instance } from '../registry/source.ts'
import type { ServiceEvent } from './start-events.ts'

/** How one attempt ended, as far as it tells about the health of its instance. */
export type Outcome = 'success' | 'failure' | 'overload' | 'ignored'

/** Who is responsible for how an attempt ended. `path` means something between this process and the instance. */
export type Whose = 'instance' | 'client' | 'caller' | 'path'

/** The outcome of one attempt is known. */
export interface AttemptEvent extends ServiceEvent {
  /** The id of the call: the same in all events of the call. */
  readonly id: string
  readonly instance: Instance
  readonly route?: string
  /** The number of this try within its call, counted from 1. */
  readonly attempt: number
  /** True if the attempt is a hedge: it was started because an earlier try was slow. */
  readonly hedge?: true
  /**
   * True if the attempt was cancelled before its outcome was known, by the caller or because another try was faster.
   */
  readonly cancelled?: true
  readonly outcome: Outcome
  /** Who is responsible for the outcome. See docs/verdict.md. */
  readonly whose: Whose
  /** Milliseconds from the start of the attempt until its outcome was known. */
  readonly duration: number
  /**
   * Milliseconds from the start of the attempt until its request was on a connection. Absent if it never was, and for
   * `execute`.
   */
  readonly connect?: number
  /** Milliseconds from that moment until the response headers. */
  readonly firstByte?: number
  /** The HTTP status of the response; absent if there was none. */
  readonly status?: number
  readonly error?: unknown
}
