import { delaying } from '../models.ts'
import type { Scenario } from '../scenario.ts'
import { finagleVariants, usual, withinASecond, withOddOne } from './finagle.ts'

const isSlow = (now: number): boolean => now >= 15_000 && now < 45_000

export const oneSlow: Scenario = {
  id: 'one-slow',
  title: 'One slow of eleven',
  setUp:
    'Eleven servers at 169.6 ± 5.4 ms, 1000 requests per second for 60 s, one client. From 15 to 45 s one of the servers takes 2 s. Success is an answer within 1 s.',
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
    '**Peak EWMA wins.** It loses only what is under way when the server slows down and what is sent there until the age of those requests shows: nobody has had a late answer yet. Least request notices as many requests in flight as a usual server has, and keeps the slow one at that level for as long as it is slow; round robin and random go on sending it an eleventh.',
    'Hedging saves the rest: what is late at the 99th percentile is sent a second time, and the time a loser got tells the balancer which server to leave alone, so that hedges remain rare. The omniscient client has nothing to save. It alone knows of the change before it happens to a request.',
  ],
}
