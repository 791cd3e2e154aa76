import type { SimulatedPolicy } from '../../../src/testing/simulate.ts'
import type { Scenario } from '../scenario.ts'

const RISE = 60_000
const TOP = 90_000
const END = 120_000

/** 1 before and after, 2 at the top, and linear in between. */
function ramp(now: number): number {
  if (now < RISE || now >= END) return 1
  return now < TOP ? 1 + (now - RISE) / (TOP - RISE) : 1 + (END - now) / (END - TOP)
}

const timeout = { attempt: 3000, total: 30_000 }
/** A budget that three tries of every call never use up. */
const unlimited = { ratio: 2 }
const naive: SimulatedPolicy = { breaker: false, timeout, budget: unlimited }

export const metastable: Scenario = {
  id: 'metastable',
  title: 'Metastable ramp',
  setUp:
    'One server. A request takes 1 s, and 10 ms more for each request in flight. Requests whose caller has given up stay in flight. Ten clients send 40 requests per second. From 60 s on the rate rises to 80 at 90 s, and it is back at 40 at 120 s. Each call has three tries of 3 s. “Recovered after” is the time until the last second in which fewer than nine of ten calls succeed.',
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
    'Above about 67 requests per second, responses take longer than the timeout. Then the client makes three tries for each call, and three times 40 requests per second are more than the server can serve. Without a budget it never recovers. Backoff only delays the retries. With the budget, the load falls below the limit as soon as the rate of calls does.',
    'There is only one server, so an open breaker fails calls at once. It opens for 5 s at first, and for longer when it opens again. This gives the server time to finish its old requests. It is also short enough to notice that the server has recovered as soon as the rate is low. With `panicThreshold`, the client ignores the breaker, and only the budget helps.',
    'An adaptive limit refuses calls when responses become slow. The server then responds in time again while the rate is still near its maximum, without a breaker. In return, the limit sometimes refuses a call that the server could have served.',
  ],
}
