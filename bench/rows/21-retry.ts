import { Agent, request } from 'undici'
import { atEach, SETTLING } from '../harness/at-each.ts'
import { clientFor } from '../harness/http.ts'
import type { Row } from '../harness/row.ts'

const LEVELS = [[32, 3_000]] as const
const WARM_UP = 10_000

export const row: Row = {
  title: 'retry: one failed attempt, then success',
  servers: 2,
  generations: 4,
  rounds: SETTLING + 4,
  roundMs: 0,
  variants: {
    outrigger: async ({ origins: [bad = '', good = ''] }) => {
      // The first instance refuses this path, and the second one responds.
      const client = await clientFor([bad, good], {
        balance: (endpoints, request) => endpoints.find((endpoint) => !request.excluded(endpoint)),
        breaker: false,
        retry: { attempts: 2, backoff: 0 },
        budget: { ratio: 1 },
      })
      return atEach(LEVELS, WARM_UP, async () => (await client.request('/flaky')).body.json())
    },
    undici: ({ origins: [bad = '', good = ''] }) => {
      const dispatcher = new Agent()
      return atEach(LEVELS, WARM_UP, async () => {
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
      measure: 'cpu at 32',
      unit: 'µs',
      target: 1.1,
    },
  ],
}
