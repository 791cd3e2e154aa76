import { drive, naiveRoundRobin, stayBusy } from './drive.ts'
import { clientFor, PATH } from './http.ts'
import type { Row } from './row.ts'

/** The client as a fetch beside the platform's own, on the same servers. */
export function fetchRow(concurrency: number): Row {
  return {
    title: `client(), ${concurrency} at a time`,
    servers: 4,
    ops: concurrency === 1 ? { round: 800, warmUp: 8_000 } : { round: 2_500, warmUp: 10_000 },
    generations: 4,
    rounds: 3,
    variants: {
      outrigger: async ({ origins }) => {
        const client = await clientFor(origins)
        const other = await clientFor(origins, { timeout: false })
        await stayBusy((path) => other(path))
        return (ops) => drive(concurrency, ops, async () => (await client(PATH)).json())
      },
      fetch: async ({ origins }) => {
        const next = naiveRoundRobin(origins)
        await stayBusy((path) => fetch(next() + path))
        return (ops) => drive(concurrency, ops, async () => (await fetch(next() + PATH)).json())
      },
    },
    comparisons: [
      { name: 'client CPU', subject: 'outrigger', base: 'fetch', measure: 'cpu', unit: 'µs', target: 1.05 },
      {
        name: 'throughput',
        subject: 'outrigger',
        base: 'fetch',
        measure: 'rate',
        unit: 'req/s',
        target: 0.97,
        atLeast: true,
      },
    ],
  }
}
