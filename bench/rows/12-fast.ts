import { atEach, SETTLING } from '../harness/at-each.ts'
import { naiveRoundRobin, stayBusy } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Comparison, Row } from '../harness/row.ts'

const LEVELS = [
  [1, 800],
  [32, 2_500],
] as const
const WARM_UP = 10_000

const POST = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ text: 'x'.repeat(1_000) }),
} as const

const cpuAt32 = (name: string, subject: string, base: string, target: number): Comparison => ({
  name: `32 at a time: ${name}`,
  subject,
  base,
  measure: 'cpu at 32',
  unit: 'µs',
  target,
})

/** The client with `fetch: 'fast'` beside the platform's fetch, and beside its own `request`, on the same servers. */
export const row: Row = {
  title: "client() with fetch: 'fast'",
  servers: 4,
  generations: 4,
  rounds: (SETTLING + 5) * LEVELS.length,
  roundMs: 0,
  variants: {
    fast: async ({ origins }) => {
      const client = await clientFor(origins, { fetch: 'fast' })
      const other = await clientFor(origins, { timeout: false })
      await stayBusy((path) => other(path))
      return atEach(LEVELS, WARM_UP, async () => (await client(PATH)).json())
    },
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
    fastPost: async ({ origins }) => {
      const client = await clientFor(origins, { fetch: 'fast' })
      const other = await clientFor(origins, { timeout: false })
      await stayBusy((path) => other(path))
      return atEach(LEVELS, WARM_UP, async () => (await client(PATH, POST)).json())
    },
    fetchPost: async ({ origins }) => {
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH, POST)).json())
    },
  },
  comparisons: [
    cpuAt32('client CPU, to fetch', 'fast', 'fetch', 0.5),
    {
      name: '32 at a time: throughput, to fetch',
      subject: 'fast',
      base: 'fetch',
      measure: 'rate at 32',
      unit: 'req/s',
      target: 1.8,
      atLeast: true,
    },
    cpuAt32('client CPU, to client.request', 'fast', 'request', 1.15),
    cpuAt32('client CPU of a POST of 1 kB, to fetch', 'fastPost', 'fetchPost', 0.55),
    {
      name: '1 at a time: throughput, to fetch',
      subject: 'fast',
      base: 'fetch',
      measure: 'rate at 1',
      unit: 'req/s',
      target: 1.25,
      atLeast: true,
    },
  ],
}
