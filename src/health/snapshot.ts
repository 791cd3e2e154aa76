import type { CheckFailure } from '../observe/events.ts'
import type { Health } from './health.ts'

/** What health checks have shown of an instance. */
export interface HealthSnapshot {
  /** `unknown` until the first check is over. */
  readonly state: 'unknown' | 'healthy' | 'unhealthy'
  /** Checks that failed in a row. */
  readonly failures: number
  /** Unix ms of the end of the latest check. */
  readonly checkedAt?: number
  /** What the latest one failed with; absent when it passed. */
  readonly reason?: CheckFailure['reason']
  /** Of the answer, for `status` and `body`. */
  readonly status?: number
  /** What a gRPC server said, such as `NOT_SERVING`. */
  readonly grpc?: string
}

export function healthSnapshot(
  { state, checkedAt, failures, latest }: Health,
  epoch: number,
): HealthSnapshot {
  return {
    state,
    failures,
    ...(checkedAt !== undefined && { checkedAt: checkedAt + epoch }),
    ...(latest && { reason: latest.reason }),
    ...(latest?.status !== undefined && { status: latest.status }),
    ...(latest?.grpc !== undefined && { grpc: latest.grpc }),
  }
}
