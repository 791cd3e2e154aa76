import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { serveDashboard } from '../../src/dashboard.ts'
import { createClient, fixed, MemoryRegistry } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { Latencies } from '../../src/dashboard/latencies.ts'
import { openStream } from './pages.ts'

async function ask(
  url: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number | undefined; text: string }> {
  const outgoing = request(url, { headers, method: body === undefined ? 'GET' : 'POST', agent: false })
  outgoing.end(body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: answer.statusCode, text: await text(answer) }
}

it('A site whose name resolves to this machine cannot read the dashboard (DNS rebinding)', async () => {
  await using client = createClient({ service: 'svc', source: fixed(['http://127.0.0.1:1']) })
  await using served = await serveDashboard(client)
  const { port } = new URL(served.url)
  expect((await ask(served.url, { host: `evil.example:${port}` })).status).toBe(403)
  expect((await ask(served.url, { host: `127.0.0.1.evil.example:${port}` })).status).toBe(403)
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
    expect((await ask(served.url, { host })).status).toBe(200)
})

it('An action with a body that is too long is answered and not executed', async () => {
  await using client = createClient({
    service: 'svc',
    source: fixed(['http://127.0.0.1:1', 'http://127.0.0.1:2']),
  })
  await client.ready()
  await using served = await serveDashboard(client, { actions: { authorize: () => true } })
  const wish = { service: 'svc', action: 'isolate', id: '127.0.0.1:1', reason: 'x'.repeat(100_000) }
  const { status, text: said } = await ask(
    `${served.url}act`,
    { 'x-outrigger-dashboard': '1' },
    JSON.stringify(wish),
  )
  expect([status, said]).toEqual([400, '{"error":"the request has more than 65536 bytes"}'])
  expect(client.snapshot().instances[0]?.byHand).toBeUndefined()
})

it('Another site cannot act: by its Origin, by Sec-Fetch-Site, or because the header is missing', async () => {
  await using client = createClient({
    service: 'svc',
    source: fixed(['http://127.0.0.1:1', 'http://127.0.0.1:2']),
  })
  await client.ready()
  let asked = 0
  const authorize = (): boolean => ++asked > 0
  await using served = await serveDashboard(client, { actions: { authorize } })
  const body = JSON.stringify({ service: 'svc', action: 'drain', id: '127.0.0.1:1' })
  const own = { 'x-outrigger-dashboard': '1' }
  for (const headers of [
    {},
    { ...own, origin: 'http://evil.example' },
    { ...own, origin: 'null' },
    { ...own, 'sec-fetch-site': 'cross-site' },
    { ...own, 'sec-fetch-site': 'same-site' },
    { ...own, 'sec-fetch-site': 'none' },
  ])
    expect((await ask(`${served.url}act`, headers, body)).status).toBe(403)
  // The user's function is not called either.
  expect(asked).toBe(0)
  expect(client.snapshot().instances[0]?.byHand).toBeUndefined()
  expect((await ask(`${served.url}act`, { ...own, 'sec-fetch-site': 'same-origin' }, body)).status).toBe(200)
})

it('A page that reconnects after a restart of the process gets its frames, with higher ids', async () => {
  const registry = new MemoryRegistry()
  await using client = createClient({ service: 'svc', source: registry })
  const clock = new ManualClock()
  await clock.advance(50_000)
  await using served = await serveDashboard(client, { clock })
  using stream = await openStream(`${served.url}events`, { 'last-event-id': '49' })
  await clock.advance(1_000)
  expect((await stream.until(() => true)).id).toBe(51)

  // The page requests it like this after it was hidden.
  stream[Symbol.dispose]()
  await clock.advance(2_000)
  using again = await openStream(`${served.url}events?after=51`, {}, stream.told)
  await again.until(() => again.events.length === 2)
  expect(again.events.map(({ id }) => id)).toEqual([52, 53])
})

it('A page that opens gets the newest stored frames, the first of them complete', async () => {
  const many = Array.from({ length: 1_000 }, (_, n) => `http://127.0.0.1:${20_000 + n}`)
  await using client = createClient({ service: 'svc', source: fixed(many) })
  await client.ready()
  const clock = new ManualClock()
  await using served = await serveDashboard(client, { clock, history: 120_000 })
  using first = await openStream(`${served.url}events`)
  await clock.advance(40_000)
  const newest = (await first.until(() => first.events.length === 40)).id + 39
  using later = await openStream(`${served.url}events`)
  await later.until(() => later.events.at(-1)?.id === newest)
  expect(later.events.at(-1)?.frame.services).toEqual(first.events.at(-1)?.frame.services)
  expect(later.events.length).toBeLessThan(40)
})

it('Percentiles are at most 9 % too high, and never too low', () => {
  const latencies = new Latencies()
  for (let ms = 1; ms <= 1_000; ms++) latencies.add(ms)
  for (const share of [0.01, 0.5, 0.9, 0.99]) {
    const found = latencies.percentile(share) ?? 0
    expect(found).toBeGreaterThanOrEqual(share * 1_000 * 0.995)
    expect(found).toBeLessThanOrEqual(share * 1_000 * 1.095)
  }
  expect(latencies.rows().reduce((sum, each) => sum + each, 0)).toBe(1_000)
  expect(new Latencies().percentile(0.5)).toBeUndefined()
})
