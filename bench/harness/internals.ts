import type { Balancer } from 'outrigger'
import type * as FleetModule from '../../src/fleet/fleet.ts'
import type * as PolicyModule from '../../src/breaker/policy.ts'
import type * as EmitterModule from '../../src/observe/emitter.ts'
import type * as SnapshotModule from '../../src/registry/snapshot.ts'
import type * as MatchModule from '../../src/routes/match.ts'

/** What is not exported, from what `npm run build` made of it: the rows measure what users run. */
const dist = new URL('../../dist/', import.meta.url)

interface Modules {
  'fleet/fleet': typeof FleetModule
  'breaker/policy': typeof PolicyModule
  'observe/emitter': typeof EmitterModule
  'registry/snapshot': typeof SnapshotModule
  'routes/match': typeof MatchModule
}

export async function internal<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
  return (await import(new URL(`${name}.js`, dist).href)) as Modules[Name]
}

/** A fleet as a client has it, with a breaker in front of each instance. */
export async function makeFleet(balancer: Balancer): Promise<FleetModule.Fleet> {
  const { Fleet: Made } = await internal('fleet/fleet')
  const { breakerPolicy } = await internal('breaker/policy')
  const { Emitter } = await internal('observe/emitter')
  const { systemClock } = await import('outrigger')
  return new Made({
    service: 'user-service',
    clock: systemClock,
    balancer,
    guards: [{ index: 0, policy: breakerPolicy(), route: undefined }],
    panicThreshold: 0,
    outliers: undefined,
    perInstance: Infinity,
    drainTimeout: 0,
    events: new Emitter(),
    connect: () => {
      throw new Error('nothing is sent here')
    },
  })
}
