import type { TrafficCondition, TrafficTarget } from '../traffic/options.ts'

/** Copies requests to instances that are being tested. The client does not use the responses. */
export interface MirrorOptions {
  /** Which requests to copy. Only GET, HEAD and OPTIONS without a body are copied. @default all of these */
  when?: TrafficCondition
  /** Which instances get the copies. */
  to: TrafficTarget
  /** The fraction of these requests that is copied, 0 to 1. The choice is random for each request. @default 1 */
  share?: number
  /** The maximum number of copies in flight. Above it, requests are not copied. @default 16 */
  max?: number
  /** The timeout of a copy until the end of its response, in milliseconds. @default 5_000 */
  timeout?: number
}
