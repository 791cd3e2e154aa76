import { setDefaultCACertificates } from 'node:tls'
import { atEach, comparedAtEach, SETTLING } from '../harness/at-each.ts'
import { cert } from '../harness/certificate.ts'
import { naiveRoundRobin, stayBusy } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Comparison, Row } from '../harness/row.ts'

const LEVELS = [[32, 1_500]] as const
const WARM_UP = 5_000

type Via = 'client' | 'client.request'

const outrigger =
  (via: Via, allowH2: boolean): Row['variants'][string] =>
  async ({ origins }) => {
    const transport = { allowH2, connect: { ca: cert } }
    const client = await clientFor(origins, { transport })
    const other = await clientFor(origins, { transport, timeout: false })
    if (via === 'client') {
      await stayBusy((path) => other(path))
      return atEach(LEVELS, WARM_UP, async () => (await client(PATH)).json())
    }
    await stayBusy((path) => other.request(path))
    return atEach(LEVELS, WARM_UP, async () => (await client.request(PATH)).body.json())
  }

const cpu = (name: string, subject: string, base: string): Comparison => ({
  name: `32 at a time: client CPU, ${name}`,
  subject,
  base,
  measure: 'cpu at 32',
  unit: 'µs',
})

/** Over TLS. The fetch of Node 24 supports only HTTP/1.1, so the base for HTTP/2 is npm's undici. */
export const row: Row = {
  title: 'client() over TLS',
  servers: 4,
  secure: true,
  generations: 2,
  rounds: SETTLING + 5,
  roundMs: 0,
  variants: {
    'HTTP/1.1': outrigger('client', false),
    'HTTP/2': outrigger('client', true),
    'HTTP/2 request': outrigger('client.request', true),
    fetch: async ({ origins }) => {
      setDefaultCACertificates([cert])
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH)).json())
    },
    'undici.fetch': async ({ origins }) => {
      const { Agent, fetch } = await import('undici')
      const dispatcher = new Agent({ allowH2: true, connect: { ca: cert } })
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path, { dispatcher }))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH, { dispatcher })).json())
    },
    'undici.request': async ({ origins }) => {
      const { Agent, request } = await import('undici')
      const dispatcher = new Agent({ allowH2: true, connect: { ca: cert } })
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => request(next() + path, { dispatcher }))
      return atEach(LEVELS, WARM_UP, async () => (await request(next() + PATH, { dispatcher })).body.json())
    },
  },
  comparisons: [
    ...comparedAtEach(LEVELS, 'HTTP/1.1', 'fetch', {}).map((each) => ({
      ...each,
      name: `HTTP/1.1, ${each.name}`,
    })),
    cpu("HTTP/2, to npm's undici.fetch", 'HTTP/2', 'undici.fetch'),
    cpu("HTTP/2, client.request to npm's undici.request", 'HTTP/2 request', 'undici.request'),
  ],
}
