import { systemClock, type Balancer } from 'outrigger'
import { breakerPolicy } from '../../src/breaker/policy.ts'
import { Fleet } from '../../src/fleet/fleet.ts'
import { Emitter } from '../../src/observe/emitter.ts'

/** Internal functions are measured from their sources: in `dist` the same code cannot be imported. */
export { SnapshotReader } from '../../src/registry/snapshot.ts'
export { RouteTable } from '../../src/routes/match.ts'

/** A fleet like that of a client, with a breaker for each instance. */
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
      throw new Error('this fleet sends no requests')
    },
  })
}
