import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { serveDashboard, type DashboardActions } from '../../src/dashboard.ts'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/index.ts'

let client: Client
beforeEach(async () => {
  client = createClient({ service: 'svc', source: fixed(['http://127.0.0.1:1', 'http://127.0.0.1:2']) })
  await client.ready()
})
afterEach(() => client.close())

const isolate = JSON.stringify({ service: 'svc', action: 'isolate', id: '127.0.0.1:1' })
const own = { 'x-outrigger-dashboard': '1' }

async function ask(
  url: string,
  method: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<{ status: number | undefined; said: string; headers: IncomingMessage['headers'] }> {
  const outgoing = request(url, { method, headers, agent: false })
  outgoing.end(body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: answer.statusCode, said: await text(answer), headers: answer.headers }
}

/** Returns the answer to bytes that node:http would not send. */
async function answerTo(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(bytes)
  return text(socket)
}

// oxlint-disable-next-line unicorn/no-thenable -- what a user's function may return
const THROWING = { then: (): never => fail() }
function fail(): never {
  throw new Error('boom')
}

it.each<[string, DashboardActions['authorize']]>([
  ['1', () => 1],
  ['an empty string', () => ''],
  ['an object', () => ({ valueOf: () => true })],
  ['new Boolean(true)', () => Object(true) as unknown],
  ['a promise of 1', () => Promise.resolve(1)],
  ['a rejection of nothing', () => Promise.reject()],
  ['a thenable that throws', () => THROWING],
])('%s from authorize() means not authorized', async (_name, authorize) => {
  await using page = await serveDashboard(client, { actions: { authorize } })
  expect((await ask(`${page.url}act`, 'POST', own, isolate)).status).toBe(403)
  expect((await ask(`${page.url}may-act`, 'GET')).said).toBe('{"mayAct":false}')
  expect(client.snapshot().instances[0]?.byHand).toBeUndefined()
})

it('an authorize() that never answers means not authorized after 5 s, and a late answer changes nothing', async () => {
  const clock = new ManualClock()
  const late = Promise.withResolvers<boolean>()
  const asked = Promise.withResolvers<void>()
  const authorize = (): Promise<boolean> => {
    asked.resolve()
    return late.promise
  }
  await using page = await serveDashboard(client, { clock, actions: { authorize } })
  const answer = ask(`${page.url}act`, 'POST', own, isolate)
  await asked.promise
  await clock.advance(5_000)
  expect((await answer).status).toBe(403)
  late.resolve(true)
  await late.promise
  expect(client.snapshot().instances[0]?.byHand).toBeUndefined()
})

it('Other methods do nothing: HEAD has no body, and POST of a page or GET of an action is not found', async () => {
  await using page = await serveDashboard(client, { actions: { authorize: () => true } })
  const head = await ask(page.url, 'HEAD')
  expect([head.status, head.said]).toEqual([200, ''])
  expect(Number(head.headers['content-length'])).toBeGreaterThan(1_000)
  for (const [method, path] of [
    ['POST', ''],
    ['DELETE', 'main.js'],
    ['POST', 'events'],
    ['HEAD', 'events'],
    ['GET', 'act'],
    ['PUT', 'act'],
    ['OPTIONS', 'act'],
  ] as const) {
    const { status, headers } = await ask(page.url + path, method, own)
    expect([path, status, headers['access-control-allow-origin']]).toEqual([path, 404, undefined])
  }
  expect(client.snapshot().instances[0]?.byHand).toBeUndefined()
})

it('A form of another site cannot act, because it cannot set the header', async () => {
  await using page = await serveDashboard(client, { actions: { authorize: () => true } })
  const form = { 'content-type': 'text/plain', origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' }
  expect((await ask(`${page.url}act`, 'POST', form, isolate)).status).toBe(403)
  // Not even with a forged Host that an open proxy passes on: Origin and Host are compared.
  const { port } = new URL(page.url)
  const rebound = { ...own, host: `localhost:${port}`, origin: `http://evil.example:${port}` }
  expect((await ask(`${page.url}act`, 'POST', rebound, isolate)).status).toBe(403)
})

it('A prefix must match complete path segments, and a URL that looks like another host or path is not found', async () => {
  await using page = await serveDashboard(client, { path: '/ops' })
  const { origin } = new URL(page.url)
  expect((await ask(`${origin}/ops/`, 'GET')).status).toBe(200)
  expect((await ask(`${origin}/ops?x=1`, 'GET')).headers.location).toBe('./ops/')
  for (const path of ['/opsx/', '/', '/OPS/', '/ops//evil.example/', '/x/../opsx'])
    expect([path, (await ask(origin + path, 'GET')).status]).toEqual([path, 404])
  // The raw request, which a client would normalize.
  const host = new URL(page.url).host
  const raw = (target: string): Promise<string> =>
    answerTo(page.url, `GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
  for (const target of ['//evil.example/ops', '/ops/%2e%2e/%2e%2e/etc/passwd', '/ops/..%2fhandler.ts'])
    expect(await raw(target)).toMatch(/^HTTP\/1\.1 404 /)
})

it('A very long query is answered with an error that does not repeat it completely', async () => {
  await using page = await serveDashboard(client)
  const { said } = await ask(`${page.url}explain?service=svc&target=/${'x'.repeat(14_000)}`, 'GET')
  expect(said).toContain('may be picked')
  const unknown = await ask(`${page.url}explain?service=${'x'.repeat(14_000)}`, 'GET')
  expect([unknown.status, unknown.said.length < 1_000]).toEqual([400, true])
  const stream = await ask(`${page.url}main.js?after=${'9'.repeat(14_000)}`, 'GET')
  expect(stream.status).toBe(200)
})

it('A client of HTTP/1.0 gets the page, and invalid requests cause no damage', async () => {
  await using page = await serveDashboard(client)
  const { host } = new URL(page.url)
  expect(await answerTo(page.url, `GET / HTTP/1.0\r\nhost: ${host}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 200 [^]*<\/html>\s*$/,
  )
  // Without a Host header it is unknown for which host the request is.
  expect(await answerTo(page.url, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /)
  expect(await answerTo(page.url, '\u0016\u0003\u0001\u0000\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  expect((await ask(page.url, 'GET')).status).toBe(200)
})
