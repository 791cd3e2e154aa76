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
    'Ten servers that answer within 20 to 30 ms, and one request in a hundred a second later. 1000 requests per second, ten clients, each with about a hundred per second to learn from. The first ten seconds, in which they learn, are left out.',
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
    'Hedging from the 99th percentile removes the tail for one extra request in a hundred. The percentile is the edge of this very tail: when a few more than one in a hundred have been slow of late, it lies where hedges have come to join them, a little later than before. A percentile well clear of the tail, or a number of milliseconds, is steadier, and as cheap as long as ordinary answers are alike.',
  ],
}
