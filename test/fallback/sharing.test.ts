import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createClient, type CallInit, type Client } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { collect, instanceOf } from '../support/events.ts'
import {
  hang,
  ok,
  redirect,
  reply,
  startServer,
  type Answer,
  type TestServer,
} from '../support/http-server.ts'
import { until } from '../support/until.ts'

const sharing = ({ url }: TestServer): Client =>
  createClient({ service: 'user-service', source: fixed([url]), coalesce: true, retry: false })

/** In milliseconds: long enough for the others to join. */
const slowly =
  (answer: Answer): Answer =>
  async (request, response) => {
    await sleep(100)
    answer(request, response)
  }

const moved: Answer = (request, response) =>
  (request.url === '/here' ? slowly(redirect('/there')) : ok)(request, response)

const statusOf = (answer: Promise<Response>): Promise<number> => answer.then(({ status }) => status)

describe('coalescing', () => {
  it.each<[string, CallInit, CallInit]>([
    ['redirect', { redirect: 'manual' }, { redirect: 'error' }],
    ['cache', { cache: 'force-cache' } as CallInit, {}],
    ['integrity', { integrity: 'sha256-AAAA' }, {}],
    ['referrer', { referrer: 'http://user-service/a' }, {}],
    ['credentials', { credentials: 'omit' }, {}],
    ['priority', { priority: 'critical' }, { priority: 'sheddable' }],
  ])('never joins calls of different %s', async (_name, one, other) => {
    await using server = await startServer(slowly(ok))
    await using client = sharing(server)
    const answers = [one, other, one].map((init) => client('/', init).catch(() => undefined))
    await Promise.all(answers)
    expect(server.requests).toHaveLength(2)
  })

  it('never joins calls of different URLs, one of which has an empty query', async () => {
    await using server = await startServer(slowly(ok))
    await using client = sharing(server)
    const urls = ['/a', '/a?', new URL('http://user-service/a?'), '/a']
    await Promise.all(urls.map((url) => client(url)))
    // The fetch of Node 22 does not send an empty query.
    expect(server.requests).toHaveLength(2)
  })

  it('gives each caller the kind of response it asked for', async () => {
    await using server = await startServer(moved)
    await using client = sharing(server)
    const [followed, manual, refused] = await Promise.allSettled([
      statusOf(client('/here')),
      statusOf(client('/here', { redirect: 'manual' })),
      statusOf(client('/here', { redirect: 'error' })),
    ])
    expect([followed, manual, refused]).toMatchObject([
      { value: 200 },
      { value: 302 },
      { status: 'rejected' },
    ])
  })

  it('joins a Request, a Request passed as the init, and a plain call that ask for the same', async () => {
    await using server = await startServer(
      slowly((request, response) => response.end(request.headers['x-a'])),
    )
    await using client = sharing(server)
    const headers = { 'x-a': 'same', accept: 'text/plain' }
    const url = 'http://user-service/'
    const answers = await Promise.all([
      client('/', new Request(url, { headers }) as CallInit),
      client(new Request(url, { headers })),
      client(url, { headers, redirect: 'follow' }),
    ])
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(['same', 'same', 'same'])
    expect(server.requests).toHaveLength(1)
  })

  it('keeps a Request’s referrer', async () => {
    await using server = await startServer((request, response) => response.end(request.headers.referer))
    await using client = sharing(server)
    const request = new Request('http://user-service/', { referrer: 'http://user-service/a' })
    expect(await (await client(request.clone())).text()).toBe('http://user-service/a')
    expect(await (await client('/', request as CallInit)).text()).toBe('http://user-service/a')
  })

  it('keeps the deadline of a caller that joined, for that caller only', async () => {
    await using server = await startServer(slowly(ok))
    await using client = sharing(server)
    await client.ready()
    const leader = client('/')
    const follower = client('/', { deadline: performance.now() + 20 })
    await expect(follower).rejects.toMatchObject({ name: 'TimeoutError' })
    expect((await leader).status).toBe(200)
    expect(server.requests).toHaveLength(1)
  })

  it('keeps the deadline of the first caller for that caller only', async () => {
    await using server = await startServer(slowly(ok))
    await using client = sharing(server)
    await client.ready()
    const leader = client('/', { deadline: performance.now() + 20 })
    const follower = client('/')
    await expect(leader).rejects.toMatchObject({ name: 'TimeoutError' })
    expect((await follower).status).toBe(200)
    expect(server.requests).toHaveLength(1)
  })

  it('ends the request when the last deadline has passed, and sends none if all have passed', async () => {
    await using server = await startServer(hang)
    await using client = sharing(server)
    await client.ready()
    const answer = client('/', { deadline: performance.now() + 50 })
    await expect(answer).rejects.toThrow("before the caller's own deadline")
    await until(() => server.open === 0)
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0 })
    const late = client('/', { deadline: performance.now() - 1 })
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(instanceOf(client, server.host).settled).toMatchObject({ failure: 1, ignored: 0 })
  })

  it('lets a caller read the body after its deadline, which applies only to the headers', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    await using server = await startServer(async (_request, response) => {
      response.write('one ')
      await gate
      response.end('two')
    })
    await using client = sharing(server)
    const response = await client('/', { deadline: performance.now() + 500 })
    await sleep(550)
    open()
    expect(await response.text()).toBe('one two')
  })
})

describe('call:fallback', () => {
  const failing = (server: TestServer, fallback: () => unknown): Client =>
    createClient({
      service: 'user-service',
      source: fixed([server.url]),
      retry: false,
      fallback: fallback as () => Response,
    })

  it('is emitted when there is a response', async () => {
    await using server = await startServer(reply(503))
    const seen: number[] = []
    await using client = failing(server, () => {
      seen.push(events.length)
      return new Response('spare')
    })
    const events = collect(client, 'call:fallback')
    expect(await (await client('/')).text()).toBe('spare')
    expect(seen).toEqual([0])
    expect(events).toMatchObject([{ status: 503 }])
  })

  it.each<[string, () => unknown]>([
    ['throws', () => Promise.reject(new Error('no spare'))],
    ['returns no Response', () => 'spare'],
  ])('is not emitted when the fallback %s', async (_name, fallback) => {
    await using server = await startServer(reply(503))
    await using client = failing(server, fallback)
    const events = collect(client, 'call:fallback')
    await expect(client('/')).rejects.toThrow(Error)
    expect(events).toEqual([])
  })
})

describe('stale responses', () => {
  it('are served to calls that ask for the same', async () => {
    await using server = await startServer(ok, reply(503))
    await using client = createClient({
      service: 'user-service',
      source: fixed([server.url]),
      retry: false,
      stale: { maxAge: 60_000 },
    })
    await (await client('/')).text()
    expect((await client('/', { redirect: 'manual' })).status).toBe(503)
    expect((await client('/')).status).toBe(200)
  })
})
