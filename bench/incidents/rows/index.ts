import type { Incident } from '../incident.ts'
import { incident as vipPodKilled } from './vip-pod-killed.ts'
import { incident as natGet } from './nat-get.ts'
import { incident as natPost } from './nat-post.ts'
import { incident as loopStalls } from './loop-stalls.ts'
import { incident as ownQueue } from './own-queue.ts'
import { incident as hangCallerLimit } from './hang-caller-limit.ts'
import { incident as hangRoundRobin } from './hang-round-robin.ts'
import { brownOut } from './brown-out.ts'
import { incident as newLease } from './new-lease.ts'
import { incident as outages } from './outages.ts'
import { incident as goaway } from './goaway.ts'
import { incident as rollingRestart } from './rolling-restart.ts'
import { incident as restartKilled } from './restart-killed.ts'
import { incident as onlyInstance } from './only-instance.ts'
import { incident as oneDead } from './one-dead.ts'
import { incident as oneFailing } from './one-failing.ts'
import { incident as oneSlow } from './one-slow.ts'
import { incident as oneFrozen } from './one-frozen.ts'
import { incident as cutBodies } from './cut-bodies.ts'
import { incident as dnsFlip } from './dns-flip.ts'
import { incident as registryDown } from './registry-down.ts'
import { incident as deploySameIds } from './deploy-same-ids.ts'
import { incident as herd } from './herd.ts'
import { incident as gcPauses } from './gc-pauses.ts'
import { incident as hungProbe } from './hung-probe.ts'
import { incident as h2Lost } from './h2-lost.ts'
import { incident as mtu } from './mtu.ts'
import { incident as noisyTenant } from './noisy-tenant.ts'

/** In the order of the report. */
export const incidents: readonly Incident[] = [
  vipPodKilled,
  natGet,
  natPost,
  loopStalls,
  ownQueue,
  hangCallerLimit,
  hangRoundRobin,
  brownOut(50),
  brownOut(70),
  brownOut(75),
  outages,
  goaway,
  rollingRestart,
  restartKilled,
  onlyInstance,
  oneDead,
  oneFailing,
  oneSlow,
  oneFrozen,
  cutBodies,
  dnsFlip,
  registryDown,
  deploySameIds,
  newLease,
  herd,
  gcPauses,
  hungProbe,
  h2Lost,
  mtu,
  noisyTenant,
]
