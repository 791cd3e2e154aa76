import { many } from '../models.ts'
import type { Scenario } from '../scenario.ts'
import { besideTheDefaults } from './outage.ts'

/** After ten good seconds, half of all requests fail for twenty seconds, then three quarters for another twenty. */
const failing = (now: number): number => (now < 10_000 ? 0 : now < 30_000 ? 0.5 : now < 50_000 ? 0.75 : 0)

export const brownOut: Scenario = {
  id: 'brown-out',
  title: 'Brown-out',
  setUp:
    'Five servers at 20 ms with one database. From 10 s on, each of them fails half of its requests at random with a 503, from 30 to 50 s three quarters. 200 requests per second for 60 s, two clients.',
  duration: 60_000,
  clients: 2,
  arrivals: { rate: 200 },
  servers: () =>
    many(5, (index) => ({
      id: `server-${index}`,
      respond: ({ now, random }) => ({ after: 20, status: random() < failing(now) ? 503 : 200 }),
    })),
  troubleEnds: 50_000,
  figures: ['success', 'worst', 'recovery', 'load'],
  // Without a breaker 58 % of the calls succeed.
  variants: besideTheDefaults({ reach: [{ figure: 'success', atLeast: 0.55 }] }),
  findings: [
    'All servers are equally bad, so the omniscient client loses as much as round robin. A wall turns the brown-out into an outage, because five failures in a row are frequent on all servers. With the defaults, the client refuses calls only while fewer than a tenth of the early probes succeed.',
  ],
}
