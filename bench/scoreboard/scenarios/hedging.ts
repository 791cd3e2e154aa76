import type { SimulatedPolicy } from '../../../src/testing/simulate.ts'
import { many } from '../models.ts'
import type { Bound, Scenario } from '../scenario.ts'

const reach: readonly Bound[] = [
  { figure: 'load', atMost: 1.02 },
  { figure: 'p999', atMost: 200 },
]
const alone: SimulatedPolicy = { breaker: false, retry: false }

export const hedging: Scenario = {
  id: 'hedging',
  title: 'One in a hundred',
  setUp:
    'Ten servers that respond within 20 to 30 ms. One of a hundred requests takes a second more. 1000 requests per second, ten clients, so each client learns from about a hundred requests per second. The first ten seconds, in which the clients learn, do not count.',
  duration: 70_000,
  warmup: 10_000,
  clients: 10,
  arrivals: { rate: 1000 },
  servers: () =>
    many(10, (index) => ({
      id: `server-${index}`,
      respond: ({ random }) => ({
        after: 20 + 10 * random() + (random() < 0.01 ? 1000 : 0),
        status: 200,
      }),
    })),
  figures: ['mean', 'p50', 'p99', 'p999', 'load'],
  variants: [
    { name: 'no hedging', client: () => alone, chart: true },
    {
      name: 'after the 99th percentile (the default)',
      client: () => ({ ...alone, hedge: {} }),
      reach,
      chart: true,
    },
    {
      name: 'after the 95th percentile',
      client: () => ({ ...alone, hedge: { after: { percentile: 0.95 } } }),
      reach,
    },
    { name: 'after 40 ms', client: () => ({ ...alone, hedge: { after: 40 } }), reach, chart: true },
  ],
  findings: [
    'Hedging after the 99th percentile removes the slow calls, for one extra request in a hundred. But exactly one in a hundred requests is slow here. When a few more were slow recently, the 99th percentile is a latency of a hedged call, and hedges start later. A lower percentile, or a number of milliseconds, is more stable. It costs the same as long as normal responses take about the same time.',
  ],
}
