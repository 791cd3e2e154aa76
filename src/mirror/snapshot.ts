import type { Endpoint } from '../balance/balancer.ts'
import type { Mirror } from './mirror.ts'

/** The state of `mirror`, and its copies since it was set. */
export interface MirrorSnapshot {
  /** The instances that get the copies, in the form used in error messages. */
  readonly to: string
  /** The fraction of the requests that is copied, 0 to 1. */
  readonly share: number
  /** The number of copies in flight. */
  readonly inFlight: number
  /** The number of copies that were sent, including those in flight. */
  readonly sent: number
  /** The number of copies without a complete response, or with a status of 500 or above. */
  readonly failed: number
  /** The number of requests that were not copied, because the limit of copies in flight was reached. */
  readonly dropped: number
  /** The number of known instances that may get copies. */
  readonly instances: number
}

export function mirrorSnapshot(
  { subset, share, copies }: Mirror,
  endpoints: readonly Pick<Endpoint, 'instance'>[],
): MirrorSnapshot {
  const instances = endpoints.filter(({ instance }) => subset.has(instance)).length
  return { to: subset.name, share, ...copies, instances }
}
