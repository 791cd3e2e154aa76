import { leastRequest } from '../../../src/balance/least-request.ts'
import { peakEwma } from '../../../src/balance/peak-ewma.ts'
import { many, queueing } from '../models.ts'
import type { Scenario, Variant } from '../scenario.ts'
import { alone, omniscient, strategies } from '../strategies.ts'

const SERVERS = 100
const SERVICE_MS = 10
const LOAD = 0.9

/** The mean time in the system in service times, for infinitely many servers (Mitzenmacher 2001). */
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
  setUp: `${SERVERS} servers, each with a queue. The service time is exponential, ${SERVICE_MS} ms on average. The load is 90 % of the capacity. With one client, which sees all the load, this is the model of the power of two choices. Each of several clients sees only the load that it has made itself.`,
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
    '**Least request wins when all servers are equal.** Peak EWMA also uses latencies. Here they say only how long a queue was a moment ago. This costs 4 % with one client, nothing with ten, and 3 % with fifty.',
    'The theory is about one client that sees all the load. There, least request of two and of three are within 3 % of the theory. Each of ten clients sees a tenth of the load, each of fifty a fiftieth. The less a client sees, the closer it comes to round robin. The omniscient client knows all queues and joins the shortest. Its mean is a sixth of the mean of fifty clients. A client can get this knowledge only from the servers, as prequal does.',
  ],
}
