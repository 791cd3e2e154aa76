import { delaying } from '../models.ts'
import type { Scenario } from '../scenario.ts'
import { finagleVariants, usual, withinASecond, withOddOne } from './finagle.ts'

/** Five times as slow at first, normal after 10 s, and ten times as slow from 19 to 23 s. */
function factor(now: number): number {
  if (now >= 19_000 && now < 23_000) return 10
  return Math.max(1, Math.min(5, 10_000 / Math.max(now, 1)))
}

export const coldStart: Scenario = {
  id: 'cold-start',
  title: 'Cold start',
  setUp:
    'This is Finagle’s other simulation: ten servers as above, and one that starts cold. The cold server is five times as slow for 2 s, and as fast as the others after 10 s. From 19 to 23 s it is ten times as slow. 1250 requests per second for 45 s, one client. A call succeeds when its response arrives within 1 s.',
  duration: 45_000,
  clients: 1,
  arrivals: { rate: 1250, process: 'uniform' },
  servers: () => withOddOne(delaying('odd', (now, random) => usual(random) * factor(now))),
  success: withinASecond,
  figures: ['success', 'worst', 'p50', 'p99', 'p999', 'load'],
  variants: finagleVariants(
    {
      'least request': { published: '99.87 %', reach: [{ figure: 'success', atLeast: 0.9987 }] },
      'peak EWMA': { published: '99.97 %', reach: [{ figure: 'success', atLeast: 0.9997 }] },
    },
    (now) => factor(now) > 1,
    [{ figure: 'success', atLeast: 1 }],
  ),
  findings: [
    '**Peak EWMA wins.** It sends less traffic to the cold server, so fewer requests are in flight there when the server becomes slow. Compared with the omniscient client, it loses about 25 of 56,000 requests: those in flight at 19 s, and those that it sends there until it notices.',
  ],
}
