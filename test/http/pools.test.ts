import { Agent, type Pool } from 'undici'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { compilePlans } from '../../src/client/compile.ts'
import { poolSettings } from '../../src/client/pool-settings.ts'
import {
  createClient,
  fixed,
  MemoryRegistry,
  type Client,
  type ClientOptions,
  type ClientUpdate,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { hang, ok, stall, startServer } from '../support/http-server.ts'
import { startMuteServer } from '../support/mute-server.ts'
import { until } from '../support/until.ts'

const clients: Client[] = []
function clientOf(options: Partial<ClientOptions>): Client {
  const client = createClient({
    service: 'svc',
    source: fixed([]),
    retry: false,
    drainTimeout: 30,
    balance: inOrder,
    ...options,
  })
  clients.push(client)
  return client
}
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

/** A registry with one instance. */
function registryOf(url: string): MemoryRegistry {
  const registry = new MemoryRegistry({ ttl: Infinity })
  registry.register('svc', { id: 'a', url })
  return registry
}

const other = { transport: { keepAliveTimeout: 5000, connections: 1 } }

/** The instance `a` is removed, and its drain time passes. */
async function leaves(client: Client, source: MemoryRegistry, clock: ManualClock): Promise<void> {
  const removed = new Promise((resolve) => client.once('instance:removed', resolve))
  source.deregister('svc', 'a')
  await removed
  await clock.advance(30)
}

describe('a pool that update() has replaced', () => {
  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['an answer', (client) => client.request('/')],
    ['a body', async (client) => (await client.request('/')).body.text()],
  ])('ends with close() after the drain time, with %s that is under way', async (what, call) => {
    await using server = await startServer(what === 'a body' ? stall : hang)
    const client = clientOf({ source: fixed([server.url]) })
    const ended = expect(call(client)).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    await server.seen(1)
    client.update(other)
    await client.close()
    await ended
    await until(() => server.open === 0)
  })

  it('ends with its instance after the drain time', async () => {
    await using server = await startServer(hang)
    const source = registryOf(server.url)
    const client = clientOf({ source })
    const call = client.request('/')
    await server.seen(1)
    client.update(other)
    source.deregister('svc', 'a')
    await expect(call).rejects.toThrow(`a (${server.url}) is no longer in the registry`)
    await until(() => server.open === 0)
  })

  it('ends with close() during a TLS handshake', async () => {
    await using server = await startMuteServer()
    const transport = { connectTimeout: 0 }
    const client = clientOf({ source: fixed([server.url]), transport, timeout: false })
    const ended = expect(client.request('/')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    await until(() => server.sockets.size > 0)
    client.update({ transport: { ...transport, keepAliveTimeout: 5000 } })
    await client.close()
    await ended
    await until(() => server.sockets.size === 0)
  })

  it('finishes its requests in flight', async () => {
    const gate = Promise.withResolvers<void>()
    await using server = await startServer(async (_request, response) => {
      await gate.promise
      response.end('finished')
    })
    const client = clientOf({ source: fixed([server.url]), drainTimeout: 30_000 })
    const call = client.request('/')
    await server.seen(1)
    client.update(other)
    gate.resolve()
    expect(await (await call).body.text()).toBe('finished')
    await until(() => server.open === 0)
  })
})

describe('update()', () => {
  const connect = { keepAlive: true }
  it.each<[string, ClientUpdate, number]>([
    ['another transport', other, 2],
    ['a transport that the caller has changed in place', { transport: { connect, connections: 1 } }, 2],
    ['another maxResponseSize', { maxResponseSize: 1000 }, 2],
    ['a longer timeout than undici’s', { timeout: { connect: 20_000 } }, 2],
    ['such a timeout of one route', { routes: { 'GET /x': { timeout: { total: 600_000 } } } }, 2],
    ['a timeout that undici outlasts', { timeout: { connect: 2000, total: 2000 } }, 1],
    ['the same transport', { transport: { connect: { keepAlive: true }, connections: 1 } }, 1],
    ['all else', { retry: { attempts: 2 }, breaker: false, warm: 1, mirror: false }, 1],
  ])('gives each instance a new pool if its settings change: %s', async (what, update, connections) => {
    await using server = await startServer(ok)
    connect.keepAlive = true
    const client = clientOf({ source: fixed([server.url]), transport: { connect, connections: 1 } })
    await (await client.request('/')).body.text()
    if (what.endsWith('in place')) connect.keepAlive = false
    client.update(update)
    await (await client.request('/')).body.text()
    expect(server.connections).toBe(connections)
    await until(() => server.open === 1)
  })

  it('of other options keeps the connections of copies', async () => {
    await using server = await startServer(ok)
    await using copies = await startServer(ok)
    const source = registryOf(server.url)
    source.register('svc', { id: 'b', url: copies.url, metadata: { version: '2' } })
    const client = clientOf({
      source,
      mirror: { to: { version: '2' } },
      traffic: [{ to: { version: '2' }, share: 0 }],
      transport: { connections: 1 },
    })
    for (const [index, update] of [{ retry: false }, { breaker: false }, other].entries()) {
      const told = new Promise((resolve) => client.once('mirror', resolve))
      await (await client.request('/')).body.text()
      await told
      expect(copies.connections).toBe(1)
      expect(copies.requests).toHaveLength(index + 1)
      client.update(update as ClientUpdate)
    }
    await (await client.request('/')).body.text()
    await until(() => copies.connections === 2)
  })

  it.each<[string, ClientOptions['timeout'], object]>([
    ['none', undefined, { connectTimeout: undefined, headersTimeout: undefined }],
    ['30 s to connect', { connect: 30_000 }, { connectTimeout: 30_000, headersTimeout: undefined }],
  ])('uses the timeouts of all plans: %s', (_name, timeout, limits) => {
    const options: ClientOptions = {
      service: 'svc',
      source: fixed([]),
      transport: { connect },
      ...(timeout && { timeout }),
    }
    const settings = poolSettings(options, compilePlans(options).plans) as Pool.Options
    expect({ connectTimeout: settings.connectTimeout, headersTimeout: settings.headersTimeout }).toEqual(
      limits,
    )
    expect(settings.connect).toEqual(connect)
    expect(settings.connect).not.toBe(connect)
  })
})

describe('a removed instance', () => {
  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['fetch', (client) => client('/')],
    ['request', (client) => client.request('/')],
  ])('gets no connection for a call of %s whose headers() answers late', async (_door, call) => {
    await using server = await startServer(ok)
    const gate = Promise.withResolvers<Record<string, string>>()
    const source = registryOf(server.url)
    const headers = vi.fn<() => Promise<Record<string, string>>>(() => gate.promise)
    const clock = new ManualClock()
    const client = clientOf({ source, headers, clock })
    const called = call(client)
    await until(() => headers.mock.calls.length === 1)
    await leaves(client, source, clock)
    gate.resolve({})
    const error: Error = await called.then(
      () => expect.unreachable(),
      (reason: Error) => reason,
    )
    expect(error.cause ?? error).toHaveProperty(
      'message',
      expect.stringContaining(`a (${server.url}) is no longer in the registry`),
    )
    expect(server.connections).toBe(0)
  })

  it('loses such a call to another instance', async () => {
    await using gone = await startServer(ok)
    await using there = await startServer(ok)
    const gate = Promise.withResolvers<Record<string, string>>()
    const source = registryOf(gone.url)
    source.register('svc', { id: 'b', url: there.url })
    const headers = vi.fn<() => Promise<Record<string, string>>>(() => gate.promise)
    const clock = new ManualClock()
    const client = clientOf({ source, headers, clock, retry: { attempts: 2, backoff: 0 } })
    const called = client.request('/', { method: 'POST', body: 'x' })
    await until(() => headers.mock.calls.length === 1)
    await leaves(client, source, clock)
    gate.resolve({})
    expect((await called).statusCode).toBe(200)
    expect(gone.connections).toBe(0)
  })
})

describe('a user’s dispatcher that cannot be closed', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['returns no promise', () => undefined],
  ])('does not stop update(): its close() %s', async (what, close) => {
    await using server = await startServer(ok)
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const client = clientOf({
        source: fixed([server.url]),
        transport: () => Object.assign(new Agent(), { close }),
      })
      await (await client.request('http://svc/')).body.text()
      const changed = new Promise((resolve) => client.once('config:changed', resolve))
      client.update({ transport: () => new Agent() })
      await changed
      await (await client.request('http://svc/')).body.text()
      expect(server.connections).toBe(2)
      const texts = warned.mock.calls.map(([text]) => String(text))
      expect(texts).toEqual(
        what === 'returns no promise' ? [] : [expect.stringContaining('close() of the transport threw')],
      )
    } finally {
      warned.mockRestore()
    }
  })
})

describe('a closed client', () => {
  it('does not get its instances back when an action by hand expires', async () => {
    await using server = await startServer(ok)
    const clock = new ManualClock()
    const client = clientOf({ source: fixed([server.url]), clock, warm: 2 })
    await (await client.request('/')).body.text()
    client.isolate(server.host, { for: 1000, force: true })
    const added = vi.fn<() => void>()
    client.on('instance:added', added)
    await client.close()
    await clock.advance(1000)
    expect(client.snapshot().instances).toEqual([])
    expect(added).not.toHaveBeenCalled()
    await until(() => server.open === 0)
    expect(server.connections).toBe(1)
  })

  it('does not get them back while it emits their events', async () => {
    const clock = new ManualClock()
    const client = clientOf({ source: fixed(['http://127.0.0.1:1']), clock })
    await client.ready()
    client.drain('127.0.0.1:1', { for: 1000 })
    await clock.advance(1000)
    client.on('instance:removed', () => client.snapshot())
    await client.close()
    expect(client.snapshot().instances).toEqual([])
  })
})
