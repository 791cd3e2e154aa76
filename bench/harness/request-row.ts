import { Agent, request } from 'undici'
import { drive, naiveRoundRobin, stayBusy } from './drive.ts'
import { clientFor, PATH } from './http.ts'
import type { Row } from './row.ts'

/** `client.request` beside undici's own over one Agent, on the same servers. */
export function requestRow(concurrency: number): Row {
  return {
    title: `client.request, ${concurrency} at a time`,
    servers: 4,
    ops: concurrency === 1 ? { round: 1_500, warmUp: 8_000 } : { round: 6_000, warmUp: 20_000 },
    generations: 4,
    rounds: 3,
    variants: {
      outrigger: async ({ origins }) => {
        const client = await clientFor(origins)
        const other = await clientFor(origins, { timeout: false })
        await stayBusy((path) => other.request(path))
        return (ops) => drive(concurrency, ops, async () => (await client.request(PATH)).body.json())
      },
      undici: async ({ origins }) => {
        const dispatcher = new Agent()
        const next = naiveRoundRobin(origins)
        await stayBusy((path) => request(next() + path, { dispatcher }))
        return (ops) =>
          drive(concurrency, ops, async () => (await request(next() + PATH, { dispatcher })).body.json())
      },
    },
    comparisons: [
      { name: 'client CPU', subject: 'outrigger', base: 'undici', measure: 'cpu', unit: 'µs', target: 1.05 },
      {
        name: 'throughput',
        subject: 'outrigger',
        base: 'undici',
        measure: 'rate',
        unit: 'req/s',
        target: 0.97,
        atLeast: true,
      },
    ],
  }
}
