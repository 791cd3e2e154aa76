import { delaying } from '../models.ts'
import type { Scenario } from '../scenario.ts'
import { finagleVariants, usual, withinASecond, withOddOne } from './finagle.ts'

const isSlow = (now: number): boolean => now >= 15_000 && now < 45_000

export const oneSlow: Scenario = {
  id: 'one-slow',
  title: 'One slow of eleven',
  setUp:
    'Eleven servers at 169.6 ± 5.4 ms, 1000 requests per second for 60 s, one client. From 15 to 45 s one of the servers takes 2 s. A call succeeds when its response arrives within 1 s.',
  duration: 60_000,
  clients: 1,
  arrivals: { rate: 1000, process: 'uniform' },
  servers: () => withOddOne(delaying('odd', (now, random) => (isSlow(now) ? 2000 : usual(random)))),
  success: withinASecond,
  figures: ['success', 'worst', 'p50', 'p99', 'p999', 'load'],
  variants: finagleVariants(
    {
      'round robin': { published: '~95 %' },
      'least request': { published: '~99 %' },
      'peak EWMA': { published: '~99.9 %', reach: [{ figure: 'success', atLeast: 0.999 }] },
    },
    isSlow,
    [
      { figure: 'success', atLeast: 1 },
      { figure: 'load', atMost: 1.005 },
    ],
  ),
  findings: [
    '**Peak EWMA wins.** It loses only the requests in flight when the server becomes slow, and those that it sends there until it notices the age of these requests. It does not have to wait for a late response. Least request keeps as many requests in flight on the slow server as on the others, as long as the server is slow. Round robin and random send it an eleventh of all requests.',
    'Hedging saves the rest. The client sends a request a second time when it takes longer than the 99th percentile. The time of the slower try tells the balancer which server to avoid, so hedges stay rare. The omniscient client loses nothing, because it knows of the change before any request meets it.',
  ],
}
