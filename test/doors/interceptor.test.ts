import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import { Agent, fetch as npmFetch, interceptors, request, stream, upgrade, type Dispatcher } from 'undici'
import { afterAll, describe, expect, it } from 'vitest'
import { createClient, fixed, type ClientOptions } from '../../src/index.ts'
import { outrigger } from '../../src/doors/dispatcher/interceptor.ts'
import { instanceOf, outcomes } from '../support/events.ts'
import { echo, ok, redirect, reply, startServer, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const agent = new Agent()
afterAll(() => agent.close())

const options = (...urls: string[]): ClientOptions => ({ service: 'user-service', source: fixed(urls) })

/** Picks one after the other. */
const inTurn = (): NonNullable<ClientOptions['balance']> => {
  let turn = 0
  return (endpoints) => endpoints[turn++ % endpoints.length]
}

/** Responds with 503 once the request was read. */
const busy: Answer = (message, response) => message.resume().on('end', () => response.writeHead(503).end())

const text = async (url: string, dispatcher: Dispatcher): Promise<string> =>
  (await request(url, { dispatcher })).body.text()

describe('outrigger() as an interceptor', () => {
  it('has the shape that compose() of each undici version requires', () => {
    const interceptor = outrigger({})
    const dispatch: Dispatcher['dispatch'] = () => true
    expect(interceptor(dispatch)).toHaveLength(2)
  })

  it('sends requests for the service to an instance, and passes all others on', async () => {
    await using server = await startServer(reply(200, 'users'))
    await using stranger = await startServer(reply(200, 'stranger'))
    await using users = createClient(options(server.url))
    const seen = outcomes(users)
    const dispatcher = agent.compose(outrigger(users))
    expect(await text('http://user-service/', dispatcher)).toBe('users')
    expect(await text(stranger.url, dispatcher)).toBe('stranger')
    expect(server.headers[0]).toMatchObject({ host: 'user-service' })
    expect(seen).toEqual([`${server.host} success`])
  })

  it('accepts several services, by the host that callers write', async () => {
    await using userServer = await startServer(reply(200, 'users'))
    await using orderServer = await startServer(reply(200, 'orders'))
    await using users = createClient(options(userServer.url))
    await using orders = createClient({ service: 'order-service:8080', source: fixed([orderServer.url]) })
    const dispatcher = agent.compose(outrigger({ 'user-service': users, 'order-service:8080': orders }))
    expect(await text('http://user-service/', dispatcher)).toBe('users')
    expect(await text('http://order-service:8080/', dispatcher)).toBe('orders')
  })

  it.each<[string, string | URL]>([
    ['a string', 'http://user-service'],
    ['a string with a slash', 'http://user-service/'],
    ['a URL', new URL('http://user-service')],
  ])('recognises an origin that is %s', async (_form, origin) => {
    await using server = await startServer(ok)
    await using users = createClient(options(server.url))
    const dispatcher = agent.compose(outrigger(users))
    const { body } = await dispatcher.request({ origin, path: '/a', method: 'GET' })
    expect(await body.text()).toBe('ok')
    expect(server.requests).toEqual(['GET /a'])
  })

  it.each<[string, (dispatcher: Dispatcher) => Promise<string>]>([
    [
      'the platform’s fetch, whose handlers are of the old generation on Node 22 and 24',
      async (dispatcher) =>
        (await fetch('http://user-service/', { dispatcher } as unknown as RequestInit)).text(),
    ],
    ['npm’s fetch', async (dispatcher) => (await npmFetch('http://user-service/', { dispatcher })).text()],
    ['request', (dispatcher) => text('http://user-service/', dispatcher)],
    [
      'stream',
      async (dispatcher) => {
        const chunks: Buffer[] = []
        const sink = new PassThrough().on('data', (chunk: Buffer) => chunks.push(chunk))
        await stream('http://user-service/', { dispatcher, method: 'GET' }, () => sink)
        return Buffer.concat(chunks).toString()
      },
    ],
  ])('serves %s', async (_api, call) => {
    await using server = await startServer(ok)
    await using users = createClient(options(server.url))
    // Without an agent: on Node 22 and 24, the built-in fetch could not use it.
    const dispatcher = users.dispatcher.compose(outrigger(users))
    expect(await call(dispatcher)).toBe('ok')
    await until(() => instanceOf(users, server.host).inFlight === 0)
  })

  it('holds the load of an upgraded connection until the connection is closed', async () => {
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
        socket.pipe(socket)
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await using users = createClient(options(`http://${host}`))
    const dispatcher = agent.compose(outrigger(users))
    const { socket } = await upgrade('http://user-service/', { dispatcher, protocol: 'echo' })
    expect(instanceOf(users, host)).toMatchObject({ inFlight: 1, settled: { success: 1 } })
    socket.write('hello')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    socket.destroy()
    await until(() => instanceOf(users, host).inFlight === 0)
    server.close()
  })

  it('throws for a client under another name than its own', async () => {
    await using users = createClient(options())
    expect(() => outrigger({ 'order-service': users })).toThrow(/is a client of 'user-service'/)
  })

  it.each([[undefined], [null], ['user-service'], [{ 'user-service': 5 }], [{ 'user service': () => {} }]])(
    'throws for %j',
    (services) => {
      expect(() => outrigger(services as never)).toThrow(TypeError)
    },
  )
})

describe('undici’s own interceptors, composed outside of it:', () => {
  it('redirect sends the next request through it, to an instance, another service or another host', async () => {
    await using stranger = await startServer(reply(200, 'stranger'))
    await using orderServer = await startServer(redirect(`${stranger.url}/out`))
    await using userServer = await startServer(redirect('/moved'), redirect('http://order-service/'))
    await using users = createClient(options(userServer.url))
    await using orders = createClient({ service: 'order-service', source: fixed([orderServer.url]) })
    const dispatcher = agent.compose(
      outrigger({ 'user-service': users, 'order-service': orders }),
      interceptors.redirect({ maxRedirections: 5 }),
    )
    const headers = { authorization: 'secret' }
    const { body } = await request('http://user-service/', { dispatcher, headers })
    expect(await body.text()).toBe('stranger')
    expect(userServer.requests).toEqual(['GET /', 'GET /moved'])
    expect(orderServer.headers[0]).toMatchObject({ host: 'order-service' })
    expect(stranger.headers[0]).toMatchObject({ host: stranger.host })
    expect(stranger.headers[0]).not.toHaveProperty('authorization')
  })

  it('cache has one cache for all instances, by the logical origin', async () => {
    const cacheable = reply(200, 'kept', { 'cache-control': 'public, max-age=60' })
    await using first = await startServer(cacheable)
    await using second = await startServer(cacheable)
    await using users = createClient({ ...options(first.url, second.url), balance: inTurn() })
    const dispatcher = agent.compose(outrigger(users), interceptors.cache())
    for (let call = 0; call < 3; call++) expect(await text('http://user-service/', dispatcher)).toBe('kept')
    expect([...first.requests, ...second.requests]).toEqual(['GET /'])
  })

  it('dns looks up the service’s name if it is outside, and only other hosts if it is inside', async () => {
    await using server = await startServer(reply(200, 'users'))
    await using stranger = await startServer(reply(200, 'stranger'))
    await using users = createClient(options(server.url))
    const asked: string[] = []
    const dns = interceptors.dns({
      lookup: ({ hostname }, _options, callback) => {
        asked.push(hostname)
        if (hostname === 'stranger') callback(null, [{ address: '127.0.0.1', ttl: 1_000, family: 4 }])
        else callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), [])
      },
    })
    await expect(text('http://user-service/', agent.compose(outrigger(users), dns))).rejects.toMatchObject({
      code: 'ENOTFOUND',
    })
    asked.length = 0
    const inside = agent.compose(dns, outrigger(users))
    expect(await text('http://user-service/', inside)).toBe('users')
    expect(await text(`http://stranger:${new URL(stranger.url).port}/`, inside)).toBe('stranger')
    expect(asked).toEqual(['stranger'])
  })

  it('retry makes another try on another instance, and each try counts', async () => {
    await using broken = await startServer(busy)
    await using healthy = await startServer(echo)
    await using users = createClient({ ...options(broken.url, healthy.url), balance: inTurn() })
    const seen = outcomes(users)
    const dispatcher = agent.compose(outrigger(users), interceptors.retry({ minTimeout: 1 }))
    const { body } = await request('http://user-service/', { dispatcher, method: 'PUT', body: 'again' })
    expect(await body.text()).toBe('again')
    expect(seen).toEqual([`${broken.host} failure`, `${healthy.host} success`])
  })

  // docs/doors.md states this. If the test fails, undici has changed, and the page can be updated.
  it('retry sends the body of a web stream once, and then an empty body', async () => {
    await using broken = await startServer(busy)
    await using healthy = await startServer(echo)
    await using users = createClient({ ...options(broken.url, healthy.url), balance: inTurn() })
    const dispatcher = agent.compose(outrigger(users), interceptors.retry({ minTimeout: 1 }))
    const body = new Blob(['once']).stream() as unknown as Readable
    const answer = await request('http://user-service/', { dispatcher, method: 'PUT', body })
    expect(await answer.body.text()).toBe('')
    expect([broken.received, healthy.received]).toEqual([4, 0])
  })

  it('retry is safe for streams if it is limited to methods without a body', async () => {
    await using broken = await startServer(busy)
    await using healthy = await startServer(echo)
    await using users = createClient({ ...options(broken.url, healthy.url), balance: inTurn() })
    const methods: Dispatcher.HttpMethod[] = ['GET', 'HEAD', 'OPTIONS']
    const dispatcher = agent.compose(outrigger(users), interceptors.retry({ minTimeout: 1, methods }))
    const body = new Blob(['once']).stream() as unknown as Readable
    const answer = request('http://user-service/', { dispatcher, method: 'PUT', body })
    await expect(answer).rejects.toMatchObject({ statusCode: 503 })
    expect(healthy.requests).toEqual([])
  })
})
