import { describe, expect, it } from 'vitest'
import { createClient, type CallInit, type Client, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { instanceOf } from '../support/events.ts'
import { ok, reply, startServer } from '../support/http-server.ts'

const options = (url: string): ClientOptions => ({
  service: 'user-service',
  source: fixed([url]),
  breaker: false,
  retry: { attempts: 2, backoff: 0 },
})

type HeaderInit = NonNullable<CallInit['headers']>

function* generated(): Generator<[string, string]> {
  yield ['authorization', 'Bearer t']
}

describe('headers that can be read once', () => {
  const once: [string, () => unknown][] = [
    ['entries()', () => new Headers({ authorization: 'Bearer t' }).entries()],
    ['a generator', () => generated()],
    ['a map’s entries', () => new Map([['authorization', 'Bearer t']]).entries()],
  ]
  const clients: [string, Partial<ClientOptions>][] = [
    ['a plain client', {}],
    [
      'one with a strategy that looks at them',
      { balance: (all, request) => (request.header?.('x-a'), all[0]) },
    ],
    ['one that coalesces', { coalesce: true }],
    ['one that serves stale answers', { stale: { maxAge: 1000 } }],
  ]

  it.each(
    once.flatMap(([name, make]) => clients.map(([client, more]) => [name, client, make, more] as const)),
  )('are all sent, with each try: %s, by %s', async (_name, _client, make, more) => {
    await using server = await startServer(reply(503), ok)
    await using client = createClient({ ...options(server.url), ...more })
    expect((await client('/', { headers: make() as HeaderInit })).status).toBe(200)
    expect(server.headers.map(({ authorization }) => authorization)).toEqual(['Bearer t', 'Bearer t'])
  })

  it.each(once)('are sent beside json: %s', async (_name, make) => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await client('/', { method: 'POST', json: {}, headers: make() as HeaderInit })
    expect(server.headers[0]).toMatchObject({ authorization: 'Bearer t', 'content-type': 'application/json' })
  })
})

describe('body: null', () => {
  const put = (client: Client): Promise<Response> =>
    client(new Request('http://user-service/', { method: 'PUT', body: 'once' }), { body: null })

  it('keeps the body of a Request, which is sent with each try', async () => {
    await using server = await startServer((request, response) =>
      request.resume().on('end', () => response.writeHead(503).end('the 503')),
    )
    await using client = createClient(options(server.url))
    const response = await put(client)
    expect([response.status, await response.text()]).toEqual([503, 'the 503'])
    expect(server.requests.length).toBeGreaterThan(1)
    expect(server.received).toBe(4 * server.requests.length)
  })
})

describe('a body function', () => {
  it('that returns a promise makes the call fail, and nothing is sent', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const body = (async () => 'x') as unknown as () => string
    await expect(client('/', { method: 'PUT', body })).rejects.toThrow(
      new TypeError('body must be a function that returns a body, got one that returns a promise'),
    )
    expect(server.requests).toEqual([])
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, settled: { failure: 0 } })
  })
})
