import { Agent, request } from 'undici'
import { drive } from '../harness/drive.ts'
import { clientFor } from '../harness/http.ts'
import type { Row } from '../harness/row.ts'

const CONCURRENCY = 32

export const row: Row = {
  title: 'retry: one failed attempt, then success',
  servers: 2,
  ops: { round: 3_000, warmUp: 8_000 },
  generations: 4,
  rounds: 3,
  variants: {
    outrigger: async ({ origins: [bad = '', good = ''] }) => {
      // A path on the first instance that it refuses, and an answer of the second.
      const client = await clientFor([bad, good], {
        balance: (endpoints, request) => endpoints.find((endpoint) => !request.excluded(endpoint)),
        breaker: false,
        retry: { attempts: 2, backoff: 0 },
        budget: { ratio: 1 },
      })
      return (ops) => drive(CONCURRENCY, ops, async () => (await client.request('/flaky')).body.json())
    },
    undici: ({ origins: [bad = '', good = ''] }) => {
      const dispatcher = new Agent()
      return (ops) =>
        drive(CONCURRENCY, ops, async () => {
          await (await request(`${bad}/flaky`, { dispatcher })).body.dump()
          return (await request(`${good}/flaky`, { dispatcher })).body.json()
        })
    },
  },
  comparisons: [
    {
      name: 'client CPU, to two bare requests',
      subject: 'outrigger',
      base: 'undici',
      measure: 'cpu',
      unit: 'µs',
      target: 1.1,
    },
  ],
}
