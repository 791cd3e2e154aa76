import type { TrafficCondition, TrafficTarget } from '../traffic/options.ts'

/** Copies of requests, for instances that are to be tried out: nobody waits for their answers. */
export interface MirrorOptions {
  /** Which requests; only GET, HEAD and OPTIONS without a body are copied. @default every one of these */
  when?: TrafficCondition
  /** Which instances get the copies. */
  to: TrafficTarget
  /** The part of these requests that is copied, 0 to 1: by chance, request by request. @default 1 */
  share?: number
  /** Copies under way at once; what is more is not copied. @default 16 */
  max?: number
  /** Milliseconds that a copy may take, to the end of its answer. @default 5_000 */
  timeout?: number
}
