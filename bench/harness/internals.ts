import { systemClock, type Balancer } from 'outrigger'
import { breakerPolicy } from '../../src/breaker/policy.ts'
import { Fleet } from '../../src/fleet/fleet.ts'
import { Emitter } from '../../src/observe/emitter.ts'

/** What is not exported is measured from its source: the same code as in `dist`, where it cannot be reached. */
export { SnapshotReader } from '../../src/registry/snapshot.ts'
export { RouteTable } from '../../src/routes/match.ts'

/** A fleet as a client has it, with a breaker in front of each instance. */
export function makeFleet(balancer: Balancer): Fleet {
  return new Fleet({
    service: 'user-service',
    clock: systemClock,
    balancer,
    guards: [{ index: 0, policy: breakerPolicy(), route: undefined }],
    panicThreshold: 0,
    whenAllOpen: 'throttle',
    outliers: undefined,
    perInstance: Infinity,
    drainTimeout: 0,
    events: new Emitter(),
    makePool: () => {
      throw new Error('nothing is sent here')
    },
  })
}
