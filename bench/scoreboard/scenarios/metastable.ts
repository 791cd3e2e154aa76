import type { SimulatedPolicy } from '../../../src/testing/simulate.ts'
import type { Scenario } from '../scenario.ts'

const RISE = 60_000
const TOP = 90_000
const END = 120_000

/** 1 before and after, 2 at the top, straight lines between. */
function ramp(now: number): number {
  if (now < RISE || now >= END) return 1
  return now < TOP ? 1 + (now - RISE) / (TOP - RISE) : 1 + (END - now) / (END - TOP)
}

const timeout = { attempt: 3000, total: 30_000 }
/** An allowance that three tries of every call never use up. */
const unlimited = { ratio: 2 }
const naive: SimulatedPolicy = { breaker: false, timeout, budget: unlimited }

export const metastable: Scenario = {
  id: 'metastable',
  title: 'Metastable ramp',
  setUp:
    'One server that takes 1 s and 10 ms more for each request it is working on, also for those whose caller has given up. 40 requests per second, rising from 60 s on to 80 at 90 s and back to 40 at 120 s, ten clients. Three tries of 3 s each. A client has recovered after the last second in which fewer than nine in ten calls succeed.',
  duration: 240_000,
  clients: 10,
  arrivals: { rate: 40, shape: ramp },
  servers: () => [{ id: 'only', respond: ({ inFlight }) => ({ after: 1000 + 10 * inFlight, status: 200 }) }],
  troubleEnds: END,
  figures: ['recovery', 'success', 'p50', 'p99', 'load'],
  variants: [
    {
      name: 'no budget',
      published: 'collapses and stays down',
      client: () => ({ ...naive, retry: { backoff: 0 } }),
      chart: true,
    },
    {
      name: 'no budget, backoff and jitter',
      published: 'collapses and stays down',
      client: () => ({ ...naive, retry: { backoff: { initial: 1000, max: 10_000 } } }),
      chart: true,
    },
    {
      name: 'the budget alone',
      client: () => ({ breaker: false, timeout }),
      reach: [{ figure: 'recovery', atMost: 20 }],
      chart: true,
    },
    {
      name: 'the defaults',
      client: () => ({ timeout }),
      reach: [{ figure: 'recovery', atMost: 20 }],
      chart: true,
    },
    {
      name: 'the defaults, panicThreshold 0.5',
      client: () => ({ timeout, panicThreshold: 0.5 }),
      reach: [{ figure: 'recovery', atMost: 20 }],
    },
    {
      name: 'the defaults, open for 5 s',
      client: () => ({ timeout, breaker: { openFor: 5000 } }),
      reach: [{ figure: 'recovery', atMost: 20 }],
      chart: true,
    },
    {
      name: 'the budget and an adaptive limit',
      client: () => ({ breaker: false, timeout, limit: { queue: 10 } }),
      chart: true,
    },
  ],
  findings: [
    'Above about 67 requests per second answers take longer than the timeout, every call is tried three times, and three times 40 is more than the server can take: without a budget it never comes back, and backoff only moves the retries to later. With the budget the load is back below the limit as soon as the ramp is.',
    'With one server there is nobody else to ask, and an open breaker fails its callers at once. It is open for 5 s at first, and longer only when it opens again: that is short enough for the server to be found well as soon as the ramp is over, and gives it time to get rid of what it is still working on. With `panicThreshold` the breaker is passed over, and what is left is the budget alone.',
    'An adaptive limit turns the surplus away once answers slow down: what it lets through is answered again while the ramp is still near its top, and no breaker is needed for that. Its price is a refusal now and then when there was no need.',
  ],
}
