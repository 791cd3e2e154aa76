import { leastRequest } from '../../../src/balance/least-request.ts'
import { peakEwma } from '../../../src/balance/peak-ewma.ts'
import { many, queueing } from '../models.ts'
import type { Scenario, Variant } from '../scenario.ts'
import { alone, omniscient, strategies } from '../strategies.ts'

const SERVERS = 100
const SERVICE_MS = 10
const LOAD = 0.9

/** Mean time in the system in service times, for infinitely many servers (Mitzenmacher 2001). */
const THEORY = { one: 10, two: 2.614, three: 2.028 }

const withClients = (clients: number, variant: Omit<Variant, 'clients'>): Variant => ({
  ...variant,
  clients,
  name: `${variant.name}, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
})

const times = (services: number): string => `${(services * SERVICE_MS).toFixed(1)} ms`

export const supermarket: Scenario = {
  id: 'supermarket',
  title: 'Supermarket',
  setUp: `${SERVERS} servers with a queue each and exponential service of ${SERVICE_MS} ms on average, loaded to 90 %. With one client that sees all the load this is the model of the power of two choices; several clients see only the load that they have made themselves.`,
  duration: 13_000,
  warmup: 3_000,
  clients: 1,
  arrivals: { rate: (1000 / SERVICE_MS) * SERVERS * LOAD },
  servers: () => many(SERVERS, (index) => queueing(`server-${index}`, SERVICE_MS)),
  figures: ['mean', 'p50', 'p99', 'p999'],
  variants: [
    { name: 'random', client: () => alone(strategies['random']!()), published: times(THEORY.one) },
    ...[1, 10, 50].flatMap((clients) => [
      withClients(clients, { name: 'round robin', client: () => alone(strategies['round robin']!()) }),
      withClients(clients, {
        name: 'least request',
        client: () => alone(leastRequest()),
        ...(clients === 1 && {
          published: times(THEORY.two),
          reach: [{ figure: 'mean', atMost: 1.03 * SERVICE_MS * THEORY.two }],
        }),
      }),
      withClients(clients, {
        name: 'least request of 3',
        client: () => alone(leastRequest({ choices: 3 })),
        ...(clients === 1 && { published: times(THEORY.three) }),
      }),
      withClients(clients, { name: 'peak EWMA', client: () => alone(peakEwma()) }),
    ]),
    { name: 'omniscient', clients: 50, client: (context) => omniscient(context) },
  ],
  findings: [
    '**Least request wins where all servers are alike**: what peak EWMA adds, it learns from latencies that say nothing here but how long a queue was a moment ago. With one client that costs a quarter; with ten or fifty less than a tenth.',
    'The theory holds for one client that sees all the load, and there least request of two and of three are within 3 % of it. Ten clients see a tenth of it each, fifty a fiftieth, and come ever closer to round robin: the power of two choices is a power of knowing the load. The omniscient client, which joins the shortest of all queues, is what that knowledge would be worth: a sixth of the time. No client can have it without asking the servers, as Prequal does.',
  ],
}
