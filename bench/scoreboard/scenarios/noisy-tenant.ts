import { roundRobin } from '../../../src/balance/round-robin.ts'
import { leastRequest } from '../../../src/balance/least-request.ts'
import type { Scenario } from '../scenario.ts'
import { alone, omniscient } from '../strategies.ts'

const NOISY = 0.02

/** A server that handles eight requests at a time. Others wait. */
const SLOTS = 8

export const noisyTenant: Scenario = {
  id: 'noisy-tenant',
  title: 'A noisy tenant',
  setUp:
    'Three servers that take 20 ms for a request, and proportionally longer with more than eight in flight. Two of a hundred requests are from a tenant who is over its limit. Two of the servers respond to these at once with 429 and Retry-After: 5. The third server does not know of the limit yet. 600 requests per second for 60 s, one client. The figures are for all requests. A 429 is the correct response here, and counts as a success.',
  duration: 60_000,
  clients: 1,
  arrivals: { rate: 600 },
  success: ({ status }) => status !== undefined && status < 500,
  servers: () =>
    ['first', 'second', 'third'].map((id) => ({
      id,
      respond: ({ inFlight, random }) =>
        random() < NOISY && id !== 'third'
          ? { after: 1, status: 429, headers: { 'retry-after': '5' } }
          : { after: 20 * Math.max(1, inFlight / SLOTS), status: 200 },
    })),
  figures: ['success', 'mean', 'p50', 'p99', 'load'],
  variants: [
    { name: 'no breaker', client: () => alone(roundRobin()), chart: true },
    { name: 'least request', client: () => alone(leastRequest()) },
    {
      name: 'the defaults',
      client: () => ({}),
      chart: true,
      reach: [
        { figure: 'mean', atMost: 25 },
        { figure: 'load', atMost: 1.05 },
      ],
    },
    {
      name: 'every 429 obeyed at once',
      client: () => ({
        classify: ({ status }) => (status === 429 ? { outcome: 'overload', pause: 5_000 } : undefined),
      }),
      chart: true,
    },
    { name: 'omniscient', client: (context) => omniscient(context) },
  ],
  findings: [
    'A 429 is about the tenant who sent too much, not about the server. A client that avoids a server after each 429 sends the requests of all tenants to the one server that does not know of the limit. Earlier versions of Outrigger did this. The defaults avoid a server only when most of its responses are refusals.',
  ],
}
