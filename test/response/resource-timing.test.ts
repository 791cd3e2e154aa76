import { PerformanceObserver, performance } from 'node:perf_hooks'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, it } from 'vitest'
import { createClient, createFetch, fixed, type Client } from '../../src/index.ts'
import { ok, reply, startServer, truncate, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

type Entry = Record<string, unknown>

const service = 'user-service'

/** Fields that are times. Only their order can be compared. */
const MOMENTS = [
  'secureConnectionStart',
  'startTime',
  'fetchStart',
  'domainLookupStart',
  'domainLookupEnd',
  'connectStart',
  'connectEnd',
] as const
const LATER = ['requestStart', 'responseStart', 'responseEnd'] as const

const NO_FACTS: ReadonlySet<string> = new Set([...MOMENTS, ...LATER, 'duration', 'finalResponseHeadersStart'])

let seen: Entry[] = []
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) seen.push(entry.toJSON() as Entry)
})

afterEach(() => {
  observer.disconnect()
  performance.clearResourceTimings()
  seen = []
})

/** Returns the entries of one call without their times. */
async function entriesOf(client: Client, use: (client: Client) => Promise<unknown>): Promise<Entry[]> {
  // The first call of a kind goes through fetch.
  await (await client('/warm')).text()
  const ofCall = (): Entry[] => seen.filter(({ name }) => String(name).includes('/a'))
  observer.observe({ entryTypes: ['resource'] })
  await use(client).catch(() => {})
  await until(() => ofCall().length > 0)
  // A second entry for the same call would appear now.
  await new Promise((resolve) => setImmediate(resolve))
  observer.disconnect()
  const entries = ofCall()
  seen = []
  return entries.map((entry) => {
    const moments = [entry['startTime'], ...LATER.map((name) => entry[name])] as number[]
    expect(moments).toEqual(moments.toSorted((one, other) => one - other))
    expect(new Set(MOMENTS.map((name) => entry[name])).size).toBe(1)
    const timeless = Object.entries(entry).filter(([name]) => !NO_FACTS.has(name))
    return Object.fromEntries(timeless)
  })
}

const long =
  (first: string): Answer =>
  (_message, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write(first)
  }

const readAll = async (response: Response): Promise<void> => {
  for await (const piece of response.body ?? []) expect(piece).toBeInstanceOf(Uint8Array)
}

const uses: [string, Answer, (client: Client) => Promise<unknown>][] = [
  ['text that is read', reply(200, 'hello'), async (client) => (await client('/a?b=c')).text()],
  ['an error status', reply(404, 'none'), async (client) => (await client('/a')).text()],
  ['no body', reply(204), async (client) => client('/a')],
  ['a stream that is read', reply(200, 'hello'), async (client) => readAll(await client('/a'))],
  [
    'gzip',
    (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('hello')),
    async (client) => (await client('/a')).text(),
  ],
  ['a body that is cut', truncate, async (client) => (await client('/a')).text()],
  ['a body that is cancelled', long('begun'), async (client) => (await client('/a')).body?.cancel()],
]

it.each(uses)('a fast call adds the entry that fetch adds: %s', async (_name, answer, use) => {
  await using server = await startServer((request, response) =>
    (request.url?.startsWith('/a') ? answer : ok)(request, response),
  )
  const entries = async (way: 'fast' | 'platform'): Promise<Entry[]> => {
    const source = fixed([server.url])
    await using client = createClient({
      service,
      source,
      retry: false,
      breaker: false,
      drainTimeout: 0,
      fetch: way,
    })
    return await entriesOf(client, use)
  }
  const ours = await entries('fast')
  expect(ours).toHaveLength(1)
  expect(ours).toEqual(await entries('platform'))
})

it('an application whose global fetch is a client uses the fast way, but not if other code has wrapped that fetch', async () => {
  const before = globalThis.fetch
  await using server = await startServer(ok)
  await using app = createFetch({
    services: { [service]: { source: fixed([server.url]) } },
  })
  const isFast = async (): Promise<boolean> => {
    const response = await fetch(`http://${service}/`)
    await response.text()
    return Object.getPrototypeOf(response) !== Response.prototype
  }
  try {
    globalThis.fetch = app
    expect([await isFast(), await isFast()]).toEqual([false, true])
    globalThis.fetch = async (input, init) => app(input, init)
    expect(await isFast()).toBe(false)
    globalThis.fetch = app
    expect(await isFast()).toBe(true)
  } finally {
    globalThis.fetch = before
  }
  expect(await (await app(`http://${service}/`)).text()).toBe('ok')
})
