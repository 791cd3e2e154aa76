import type { CheckFailure } from '../observe/events.ts'
import type { Health } from './health.ts'

/** The results of the health checks of an instance. */
export interface HealthSnapshot {
  /** `unknown` until the first check has ended. */
  readonly state: 'unknown' | 'healthy' | 'unhealthy'
  /** How many checks failed in a row. */
  readonly failures: number
  /** When the last check ended, in Unix ms. */
  readonly checkedAt?: number
  /** Why the last check failed. Absent when it passed. */
  readonly reason?: CheckFailure['reason']
  /** The HTTP status, for the reasons `status` and `body`. */
  readonly status?: number
  /** The status that a gRPC server reported, such as `NOT_SERVING`. */
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
