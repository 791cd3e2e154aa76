import type { Endpoint } from '../balance/balancer.ts'
import type { Mirror } from './mirror.ts'

/** The copies of `mirror`, since it was set. */
export interface MirrorSnapshot {
  /** The instances that get them, as errors name them. */
  readonly to: string
  /** The part of the requests that is copied, 0 to 1. */
  readonly share: number
  /** Copies that are under way. */
  readonly inFlight: number
  /** Copies that were sent, those under way too. */
  readonly sent: number
  /** Those that got no whole answer, or one with a status from 500 on. */
  readonly failed: number
  /** Not sent, because too many were under way. */
  readonly dropped: number
  /** Instances of the source's list that may get them. */
  readonly instances: number
}

export function mirrorSnapshot(
  { subset, share, copies }: Mirror,
  endpoints: readonly Pick<Endpoint, 'instance'>[],
): MirrorSnapshot {
  const instances = endpoints.filter(({ instance }) => subset.has(instance)).length
  return { to: subset.name, share, ...copies, instances }
}
