import { Session } from 'node:inspector/promises'
import { drive, naiveRoundRobin, stayBusy } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Round, Row } from '../harness/row.ts'

const CALLS = 4_000
const CONCURRENCY = 32

/** The part of the protocol's response that is used. */
interface ProfileNode {
  readonly selfSize: number
  readonly children: readonly ProfileNode[]
}

/** Measures the kB that a call allocates, by V8's samples. Objects that live only for a moment count too. */
async function allocating(call: () => Promise<unknown>): Promise<Round> {
  await drive(CONCURRENCY, 5_000, call)
  const session = new Session()
  session.connect()
  return async () => {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: 1_024,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    } as object)
    await drive(CONCURRENCY, CALLS, call)
    const { profile } = (await session.post('HeapProfiler.stopSampling')) as {
      profile: { head: ProfileNode }
    }
    return { kB: bytesOf(profile.head) / CALLS / 1_000 }
  }
}

function bytesOf({ selfSize, children }: ProfileNode): number {
  return children.reduce((sum, child) => sum + bytesOf(child), selfSize)
}

/** What a call leaves for the garbage collector. */
export const row: Row = {
  title: 'allocated per call',
  servers: 4,
  rounds: 5,
  roundMs: 0,
  variants: {
    client: async ({ origins }) => {
      const client = await clientFor(origins)
      const other = await clientFor(origins, { timeout: false })
      await stayBusy((path) => other(path))
      return allocating(async () => (await client(PATH)).json())
    },
    request: async ({ origins }) => {
      const client = await clientFor(origins)
      const other = await clientFor(origins, { timeout: false })
      await stayBusy((path) => other.request(path))
      return allocating(async () => (await client.request(PATH)).body.json())
    },
    fetch: async ({ origins }) => {
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path))
      return allocating(async () => (await fetch(next() + PATH)).json())
    },
  },
  comparisons: [
    { name: 'client()', subject: 'client', measure: 'kB', unit: 'kB', target: 15 },
    { name: 'client(), to fetch', subject: 'client', base: 'fetch', measure: 'kB', unit: 'kB' },
    { name: 'client.request()', subject: 'request', measure: 'kB', unit: 'kB' },
  ],
}
