import { Agent, request } from 'undici'
import { atEach, comparedAtEach, SETTLING } from '../harness/at-each.ts'
import { naiveRoundRobin, stayBusy } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Row } from '../harness/row.ts'

const LEVELS = [
  [1, 1_500],
  [32, 6_000],
  [256, 6_000],
] as const
const WARM_UP = 10_000

/** `client.request` compared with undici's own request over one Agent, on the same servers. */
export const row: Row = {
  title: 'client.request',
  servers: 4,
  generations: 6,
  rounds: (SETTLING + 4) * LEVELS.length,
  roundMs: 0,
  variants: {
    outrigger: async ({ origins }) => {
      const client = await clientFor(origins)
      const other = await clientFor(origins, { timeout: false })
      await stayBusy((path) => other.request(path))
      return atEach(LEVELS, WARM_UP, async () => (await client.request(PATH)).body.json())
    },
    undici: async ({ origins }) => {
      const dispatcher = new Agent()
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => request(next() + path, { dispatcher }))
      return atEach(LEVELS, WARM_UP, async () => (await request(next() + PATH, { dispatcher })).body.json())
    },
  },
  comparisons: comparedAtEach(LEVELS, 'outrigger', 'undici', {
    1: { cpu: 1.03, rate: 0.97 },
    32: { cpu: 1.03, rate: 0.97 },
    256: { cpu: 1.03, rate: 0.97 },
  }),
}
