import { atEach, SETTLING } from '../harness/at-each.ts'
import { naiveRoundRobin, stayBusy } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Comparison, Row } from '../harness/row.ts'

type Fetch = (path: string, init?: RequestInit) => Promise<Response>

const POST = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ text: 'x'.repeat(1_000) }),
} as const

const inPieces = async (response: Response): Promise<number> => {
  let bytes = 0
  for await (const piece of response.body ?? []) bytes += (piece as Uint8Array).length
  return bytes
}

/** The call, how often it is made in a round, and its maximum cost compared with fetch. */
const CASES: Readonly<
  Record<string, [call: (fetch: Fetch) => Promise<unknown>, ops: number, target?: number]>
> = {
  'a POST of 1 kB': [async (fetch) => (await fetch(PATH, POST)).json(), 2_000, 0.55],
  '100 kB as text': [async (fetch) => (await fetch('/large')).text(), 1_000, 0.7],
  '1 MB as a stream': [async (fetch) => inPieces(await fetch('/huge')), 150, 1],
  'gzip, a small JSON': [async (fetch) => (await fetch('/gzip')).json(), 1_500],
}

const names = Object.entries(CASES)

function variant(via: 'client' | 'fetch', [call, ops]: (typeof CASES)[string]): Row['variants'][string] {
  return async ({ origins }) => {
    if (via === 'fetch') {
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path))
      return atEach([[32, ops]], ops * 3, () => call((path, init) => fetch(next() + path, init)))
    }
    const client = await clientFor(origins)
    const other = await clientFor(origins, { timeout: false })
    await stayBusy((path) => other(path))
    return atEach([[32, ops]], ops * 3, () => call(client))
  }
}

/** Bodies other than a small JSON document, through the client and through the platform's fetch. */
export const row: Row = {
  title: 'client() with bodies',
  servers: 4,
  generations: 4,
  rounds: SETTLING + 5,
  roundMs: 0,
  variants: Object.fromEntries(
    names.flatMap(([name, each]) => [
      [`client, ${name}`, variant('client', each)],
      [`fetch, ${name}`, variant('fetch', each)],
    ]),
  ),
  comparisons: names.map(([name, [, , target]]): Comparison => ({
    name: `32 at a time: client CPU, ${name}`,
    subject: `client, ${name}`,
    base: `fetch, ${name}`,
    measure: 'cpu at 32',
    unit: 'µs',
    ...(target !== undefined && { target }),
  })),
}
