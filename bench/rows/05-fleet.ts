import {
  consistentHash,
  failover,
  leastRequest,
  peakEwma,
  random,
  roundRobin,
  slowStart,
  sticky,
  subset,
  weightedRoundRobin,
  zoneAware,
  type Balancer,
} from 'outrigger'
import { makeFleet } from '../harness/internals.ts'
import type { Comparison, Round, Row, Variant } from '../harness/row.ts'
import { VERDICTS } from '../../src/verdict/verdict.ts'

const key = (request: { readonly path?: string | undefined }): string => request.path ?? ''

/** The strategies. Those that wrap another one wrap round robin. */
const strategies: Record<string, () => Balancer> = {
  peakEwma: () => peakEwma(),
  leastRequest: () => leastRequest(),
  roundRobin: () => roundRobin(),
  weightedRoundRobin: () => weightedRoundRobin(),
  random: () => random(),
  consistentHash: () => consistentHash({ key }),
  sticky: () => sticky({ key, over: roundRobin() }),
  zoneAware: () => zoneAware(roundRobin(), { zone: 'a' }),
  failover: () => failover(roundRobin()),
  subset: () => subset(roundRobin(), { size: 20, clientId: 'bench' }),
  slowStart: () => slowStart(roundRobin()),
}

function acquiring(balancer: Balancer, count: number): Round {
  const fleet = makeFleet(balancer)
  fleet.apply(
    Array.from({ length: count }, (_, index) => ({
      id: `i${index}`,
      url: `http://10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:8080`,
      zone: index % 2 ? 'a' : 'b',
    })),
  )
  const guard = fleet.instanceGuard
  const request = {
    now: 0,
    attempt: 1,
    path: '/users/42',
    random: () => Math.random(),
    excluded: () => false,
  }
  return (ops) => {
    for (let op = 0; op < ops; op++) {
      const attempt = fleet.acquire(request, guard)
      attempt?.settle(VERDICTS.good, 1)
      attempt?.release()
    }
  }
}

const sizes = { 10: 'ten', 10_000: 'ten thousand' }
const variants: Record<string, Variant> = {}
const comparisons: Comparison[] = [
  {
    name: 'peakEwma, the default, of 10',
    subject: 'peakEwma of ten',
    measure: 'ns',
    unit: 'ns',
    target: 300,
  },
]
for (const [name, make] of Object.entries(strategies)) {
  for (const [count, text] of Object.entries(sizes)) {
    variants[`${name} of ${text}`] = () => acquiring(make(), Number(count))
  }
  comparisons.push({
    name: `${name}, 10 000 to 10`,
    subject: `${name} of ten thousand`,
    base: `${name} of ten`,
    measure: 'ns',
    unit: 'ns',
    target: 1.5,
  })
}

export const row: Row = {
  title: 'acquire and settle',
  warmUpMs: 200,
  roundMs: 100,
  rounds: 9,
  variants,
  comparisons,
}
