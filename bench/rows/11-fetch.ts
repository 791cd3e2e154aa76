import { atEach, comparedAtEach, SETTLING } from '../harness/at-each.ts'
import { naiveRoundRobin, stayBusy } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Row } from '../harness/row.ts'

const LEVELS = [
  [1, 800],
  [32, 2_500],
] as const
const WARM_UP = 10_000

const viaClient =
  (way: 'fast' | 'platform'): Row['variants'][string] =>
  async ({ origins }) => {
    const client = await clientFor(origins, { fetch: way })
    const other = await clientFor(origins, { timeout: false })
    await stayBusy((path) => other(path))
    return atEach(LEVELS, WARM_UP, async () => (await client(PATH)).json())
  }

/**
 * The client as fetch, in both ways, compared with the platform's fetch and with its own `request`, on the same
 * servers.
 */
export const row: Row = {
  title: 'client()',
  servers: 4,
  generations: 4,
  rounds: (SETTLING + 5) * LEVELS.length,
  roundMs: 0,
  variants: {
    outrigger: viaClient('fast'),
    "fetch: 'platform'": viaClient('platform'),
    fetch: async ({ origins }) => {
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH)).json())
    },
    request: async ({ origins }) => {
      const client = await clientFor(origins)
      const other = await clientFor(origins, { timeout: false })
      await stayBusy((path) => other.request(path))
      return atEach(LEVELS, WARM_UP, async () => (await client.request(PATH)).body.json())
    },
    // The minimum cost of any client that sends fetch's requests through npm's undici.
    undici: async ({ origins }) => {
      const { Agent, Dispatcher1Wrapper } = await import('undici')
      const next = naiveRoundRobin(origins)
      const init: object = { dispatcher: new Dispatcher1Wrapper(new Agent()) }
      await stayBusy((path) => fetch(next() + path, init))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH, init)).json())
    },
  },
  comparisons: [
    // With one call at a time, a throughput of 1.25 is a latency of 0.8.
    ...comparedAtEach(LEVELS, 'outrigger', 'fetch', { 1: { rate: 1.25 }, 32: { cpu: 0.5, rate: 1.8 } }),
    {
      name: '32 at a time: client CPU, to client.request',
      subject: 'outrigger',
      base: 'request',
      measure: 'cpu at 32',
      unit: 'µs',
      target: 1.15,
    },
    {
      name: "32 at a time: client CPU with fetch: 'platform'",
      subject: "fetch: 'platform'",
      base: 'fetch',
      measure: 'cpu at 32',
      unit: 'µs',
    },
    {
      name: "32 at a time: client CPU of fetch over npm's undici, without Outrigger",
      subject: 'undici',
      base: 'fetch',
      measure: 'cpu at 32',
      unit: 'µs',
    },
  ],
}
