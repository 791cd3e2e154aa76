import { many } from '../models.ts'
import type { Scenario, Variant } from '../scenario.ts'
import { alone, omniscient } from '../strategies.ts'
import { roundRobin } from '../../../src/balance/round-robin.ts'

const STARTS = 10_000
const ENDS = 40_000

const isDown = (now: number): boolean => now >= STARTS && now < ENDS

/** The variants beside the defaults, in each scenario in which every server fails. */
export function besideTheDefaults(defaults: Partial<Variant>): readonly Variant[] {
  return [
    { name: 'no breaker', client: () => alone(roundRobin()), chart: true },
    { name: 'the defaults', client: () => ({}), chart: true, ...defaults },
    { name: 'the defaults, a wall', client: () => ({ whenAllOpen: 'refuse' }), chart: true },
    { name: 'omniscient', client: (context) => omniscient(context) },
  ]
}

export const outage: Scenario = {
  id: 'outage',
  title: 'Total outage',
  setUp:
    'Five servers at 20 ms. From 10 to 40 s all of them respond with 503 at once. 200 requests per second for 60 s, two clients.',
  duration: 60_000,
  clients: 2,
  arrivals: { rate: 200 },
  servers: () =>
    many(5, (index) => ({
      id: `server-${index}`,
      respond: ({ now }) => (isDown(now) ? { after: 0, status: 503 } : { after: 20, status: 200 }),
    })),
  troubleEnds: ENDS,
  figures: ['success', 'worst', 'recovery', 'load'],
  variants: besideTheDefaults({
    reach: [
      { figure: 'success', atLeast: 0.495 },
      { figure: 'recovery', atMost: 1 },
      // Half of the time at full load, the other half at no more than 15 %.
      { figure: 'load', atMost: 0.575 },
    ],
  }),
  findings: [
    'No policy can save a call while all servers are down. The difference is at the end. With a wall, calls still fail until the last open time is over. With the early probes of the defaults, they fail for less than a second. During the outage, the defaults send a tenth of the load. Without a breaker, the servers get all of it.',
  ],
}
