import { many } from '../models.ts'
import type { Scenario } from '../scenario.ts'

export const retryLoad: Scenario = {
  id: 'retry-load',
  title: 'Retry load',
  setUp:
    'Ten servers at 20 ms. All of them respond to 75 % of the requests with a 503. 500 requests per second for 60 s, ten clients. The important figure is attempts per call: how much load retries add to servers with problems.',
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
    'Three retries of each failed call multiply the load by 2.7, when the servers can least serve it. The budget of 10 % limits the load to 1.1 times the calls, with any number of `attempts`.',
    'With the defaults, the breakers soon open, because five failures in a row are frequent. But a quarter of the early probes succeed, so the client still lets nearly all calls through. `panicThreshold: 0.5` ignores the open breakers. It then gives the same figures as no breaker.',
  ],
}
