import { atEach, comparedAtEach, SETTLING } from '../harness/at-each.ts'
import { naiveRoundRobin, stayBusy } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Row } from '../harness/row.ts'

const LEVELS = [
  [1, 800],
  [32, 2_500],
] as const
const WARM_UP = 10_000

/** The client as a fetch beside the platform's own, on the same servers. */
export const row: Row = {
  title: 'client()',
  servers: 4,
  generations: 4,
  rounds: (SETTLING + 5) * LEVELS.length,
  roundMs: 0,
  variants: {
    outrigger: async ({ origins }) => {
      const client = await clientFor(origins)
      const other = await clientFor(origins, { timeout: false })
      await stayBusy((path) => other(path))
      return atEach(LEVELS, WARM_UP, async () => (await client(PATH)).json())
    },
    fetch: async ({ origins }) => {
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH)).json())
    },
    // What any client pays that sends fetch's requests through npm's undici, whatever it does besides.
    undici: async ({ origins }) => {
      const { Agent, Dispatcher1Wrapper } = await import('undici')
      const next = naiveRoundRobin(origins)
      const init: object = { dispatcher: new Dispatcher1Wrapper(new Agent()) }
      await stayBusy((path) => fetch(next() + path, init))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH, init)).json())
    },
  },
  comparisons: [
    ...comparedAtEach(LEVELS, 'outrigger', 'fetch'),
    ...LEVELS.map(([concurrency]) => ({
      name: `${concurrency} at a time: client CPU of fetch over npm's undici, without Outrigger`,
      subject: 'undici',
      base: 'fetch',
      measure: `cpu at ${concurrency}`,
      unit: 'µs',
    })),
  ],
}
