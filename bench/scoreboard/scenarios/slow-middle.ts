import { delaying } from '../models.ts'
import type { Scenario } from '../scenario.ts'
import { finagleVariants, usual, withinASecond, withOddOne } from './finagle.ts'

const isSlow = (now: number): boolean => now >= 15_000

export const slowMiddle: Scenario = {
  id: 'slow-middle',
  title: 'Slow middle',
  setUp:
    'This is Finagle’s own simulation: ten servers as above, and one that is ten times as slow from 15 s to the end at 45 s. 1250 requests per second, one client. A call succeeds when its response arrives within 1 s.',
  duration: 45_000,
  clients: 1,
  arrivals: { rate: 1250, process: 'uniform' },
  servers: () => withOddOne(delaying('odd', (now, random) => usual(random) * (isSlow(now) ? 10 : 1))),
  success: withinASecond,
  figures: ['success', 'worst', 'p50', 'p99', 'p999', 'load'],
  variants: finagleVariants(
    {
      'least request': { published: '99.23 %', reach: [{ figure: 'success', atLeast: 0.9923 }] },
      'peak EWMA': { published: '99.88 %', reach: [{ figure: 'success', atLeast: 0.9988 }] },
    },
    isSlow,
    [{ figure: 'success', atLeast: 1 }],
  ),
  findings: [
    '**Peak EWMA wins**, for the same reason. Least request has exactly Finagle’s figure. So this simulator models the same as Finagle’s. Outrigger’s peak EWMA is better than the published one mostly because it squares the latency and uses the age of the requests in flight.',
  ],
}
