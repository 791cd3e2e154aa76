import { many } from '../models.ts'
import type { Scenario } from '../scenario.ts'

export const retryLoad: Scenario = {
  id: 'retry-load',
  title: 'Retry load',
  setUp:
    'Ten servers at 20 ms that all fail 75 % of what they are asked with a 503. 500 requests per second for 60 s, ten clients. What matters is attempts per call: what retries add to the load of servers in trouble.',
  duration: 60_000,
  clients: 10,
  arrivals: { rate: 500 },
  servers: () =>
    many(10, (index) => ({
      id: `server-${index}`,
      respond: ({ random }) => ({ after: 20, status: random() < 0.75 ? 503 : 200 }),
    })),
  figures: ['load', 'success', 'p50', 'p99', 'p999'],
  variants: [
    {
      name: 'three retries, no budget',
      published: '2.73 (1 + ¾ + ¾² + ¾³)',
      client: () => ({ breaker: false, budget: { ratio: 3 }, retry: { attempts: 4 } }),
    },
    {
      name: 'three retries on the budget',
      client: () => ({ breaker: false, retry: { attempts: 4 } }),
      reach: [{ figure: 'load', atMost: 1.12 }],
    },
    {
      name: 'the defaults, no breaker',
      client: () => ({ breaker: false }),
      reach: [{ figure: 'load', atMost: 1.12 }],
    },
    { name: 'the defaults', client: () => ({}), reach: [{ figure: 'load', atMost: 1.12 }] },
    {
      name: 'the defaults, panicThreshold 0.5',
      client: () => ({ panicThreshold: 0.5 }),
      reach: [{ figure: 'load', atMost: 1.12 }],
    },
  ],
  findings: [
    'Three retries of everything multiply the load of servers in trouble by 2.7, just when they can bear it least. The budget of 10 % bounds it at 1.1 whatever `attempts` says, and spends it on the calls it can save.',
    'With the default breakers hardly anything is sent: at 75 % failures five in a row come soon, everywhere. That protects the servers and fails the callers at once. `panicThreshold` is for services that would rather serve the quarter that works.',
  ],
}
