import type { Scenario } from '../scenario.ts'
import { brownOut } from './brown-out.ts'
import { coldStart } from './cold-start.ts'
import { fast503s } from './fast-503s.ts'
import { hedging } from './hedging.ts'
import { distance, liar } from './liar.ts'
import { mixedHardware105, mixedHardware70, mixedHardware90 } from './mixed-hardware.ts'
import { metastable } from './metastable.ts'
import { oneSlow } from './one-slow.ts'
import { retryLoad } from './retry-load.ts'
import { noisyTenant } from './noisy-tenant.ts'
import { onlyInstance } from './only-instance.ts'
import { outage } from './outage.ts'
import { slowMiddle } from './slow-middle.ts'
import { supermarket } from './supermarket.ts'

export const scenarios: readonly Scenario[] = [
  oneSlow,
  slowMiddle,
  coldStart,
  fast503s,
  supermarket,
  mixedHardware70,
  mixedHardware90,
  mixedHardware105,
  liar,
  distance,
  retryLoad,
  metastable,
  hedging,
  outage,
  brownOut,
  onlyInstance,
  noisyTenant,
]
