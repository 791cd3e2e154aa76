import type { Scenario } from '../scenario.ts'
import { besideTheDefaults } from './outage.ts'

/** One second of failures every ten seconds: one of the pods behind the address restarts. */
const isBad = (now: number): boolean => now % 10_000 >= 9_000

export const onlyInstance: Scenario = {
  id: 'only-instance',
  title: 'The only instance',
  setUp:
    'One address at 20 ms. Behind it are several servers, which the client cannot see. In the last second of every ten seconds it fails 90 % of its requests with a 503. 100 requests per second for 60 s, one client.',
  duration: 60_000,
  clients: 1,
  arrivals: { rate: 100 },
  servers: () => [
    {
      id: 'only',
      respond: ({ now, random }) => ({ after: 20, status: isBad(now) && random() < 0.9 ? 503 : 200 }),
    },
  ],
  figures: ['success', 'worst', 'load'],
  // Without a breaker 91 % of the calls succeed.
  variants: besideTheDefaults({ reach: [{ figure: 'success', atLeast: 0.89 }] }),
  findings: [
    'There is no other instance. With a wall, each second with failures becomes five or more. The defaults refuse calls only after ten failures in a row, and notice the end of each incident at once.',
  ],
}
