import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { createClient, MemoryRegistry, type Client, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'
import { instanceOf } from '../support/events.ts'
import { ok, reply, startServer, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({ service: 'user-service', source: fixed(urls) })

/** Sends half of the response, and the rest when `release()` is called. */
function gated(): { answer: Answer; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    answer: async (_request, response) => {
      response.writeHead(200).write('first ')
      await promise
      response.end('second')
    },
    release: resolve,
  }
}

describe('connections', () => {
  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['fetch', async (client) => (await client('/')).text()],
    ['request', async (client) => (await client.request('/')).body.text()],
    ['fetch without reading a small body', (client) => client('/')],
  ])('are kept alive and used again by %s', async (_door, call) => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    for (let number = 0; number < 20; number++) await call(client)
    expect(server.requests).toHaveLength(20)
    // undici opens a second connection if the next request is made in the same turn in which the last one has ended.
    expect(server.connections).toBeLessThanOrEqual(2)
    await until(() => instanceOf(client, server.host).inFlight === 0)
  })

  it('are shared by all doors', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    for (let round = 0; round < 2; round++) {
      await (await client('/')).text()
      await (await client.request('/')).body.text()
      await (await request('http://user-service/', { dispatcher: client.dispatcher })).body.text()
    }
    expect(server.requests).toHaveLength(6)
    expect(server.connections).toBeLessThanOrEqual(2)
  })

  it('belong to one client and service, and are not shared with another client of the same instance', async () => {
    await using server = await startServer(ok)
    await using users = createClient(options(server.url))
    await using orders = createClient({ ...options(server.url), service: 'order-service' })
    await (await users('/')).text()
    await (await orders('/')).text()
    expect(server.connections).toBe(2)
    expect(server.headers.map(({ host }) => host)).toEqual(['user-service', 'order-service'])
  })

  it('are at most as many as transport.connections allows', async () => {
    await using server = await startServer(ok)
    await using client = createClient({ ...options(server.url), transport: { connections: 2 } })
    await Promise.all(Array.from({ length: 10 }, async () => (await client('/')).text()))
    expect(server.connections).toBe(2)
  })

  it('are opened at the first call to an instance', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await client.ready()
    await sleep(10)
    expect(server.connections).toBe(0)
  })

  it('carry the logical host, or the Host header of the caller', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const response = await client('http://user-service/users?page=2')
    await response.text()
    await (await client.request('/', { headers: { Host: 'tenant.example' } })).body.text()
    await (await client.request('/', { headers: ['HOST', 'flat.example'] })).body.text()
    expect(response.url).toBe('http://user-service/users?page=2')
    expect(server.requests[0]).toBe('GET /users?page=2')
    expect(server.headers.map(({ host }) => host)).toEqual(['user-service', 'tenant.example', 'flat.example'])
  })
})

describe('the load of an instance', () => {
  it('is released for a body that is never read', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await Promise.all(Array.from({ length: 20 }, () => client('/')))
    await until(() => instanceOf(client, server.host).inFlight === 0)
    expect(instanceOf(client, server.host)).toMatchObject({ pending: 0, settled: { success: 20 } })
  })

  // Only the garbage collector detects that a large body is never going to be read.
  it(
    'is released for a large body whose response was garbage-collected',
    { timeout: CHILD_TIMEOUT },
    async () => {
      const { stdout } = await runChild(`
      import { createServer } from 'node:http'
      import { once } from 'node:events'
      import { setTimeout as sleep } from 'node:timers/promises'
      import { setFlagsFromString } from 'node:v8'
      import { runInNewContext } from 'node:vm'
      import { createClient, fixed } from './src/index.ts'
      setFlagsFromString('--expose-gc')
      const gc = runInNewContext('gc')
      const big = Buffer.alloc(5_000_000)
      const server = createServer((_request, response) => response.end(big)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const source = fixed(['http://127.0.0.1:' + server.address().port])
      const client = createClient({ service: 'user-service', source })
      const inFlight = () => client.snapshot().instances[0].inFlight
      for (let call = 0; call < 20; call++) await client('/')
      const before = inFlight()
      // The stack may still refer to the last one.
      for (let turn = 0; turn < 100 && inFlight() > 1; turn++) {
        gc()
        await sleep(10)
      }
      console.log(before, inFlight() <= 1)
      process.exit()
    `)
      expect(stdout).toBe('20 true\n')
    },
  )

  it('lasts until the body has been read', async () => {
    const { answer, release } = gated()
    await using server = await startServer(answer)
    await using client = createClient(options(server.url))
    const response = await client('/')
    expect(instanceOf(client, server.host)).toMatchObject({
      inFlight: 1,
      pending: 0,
      settled: { success: 1 },
    })
    release()
    expect(await response.text()).toBe('first second')
    expect(instanceOf(client, server.host).inFlight).toBe(0)
  })
})

describe('a removed instance', () => {
  it('finishes its requests in flight, gets no new ones, and then loses its connections', async () => {
    const { answer, release } = gated()
    await using leaving = await startServer(answer)
    await using staying = await startServer(reply(200, 'staying'))
    const registry = new MemoryRegistry()
    const lease = registry.register('user-service', { url: leaving.url })
    await using client = createClient({ service: 'user-service', source: registry })
    const running = await client('/')
    registry.register('user-service', { url: staying.url })
    const removed = new Promise((resolve) => client.once('instance:removed', resolve))
    lease.release()
    await removed
    for (let call = 0; call < 5; call++) expect(await (await client('/')).text()).toBe('staying')
    expect(leaving.open).toBe(1)
    release()
    expect(await running.text()).toBe('first second')
    await until(() => leaving.open === 0)
    expect(leaving.requests).toHaveLength(1)
  })

  it('loses its requests in flight after drainTimeout', async () => {
    const { answer } = gated()
    await using leaving = await startServer(answer)
    const registry = new MemoryRegistry()
    const lease = registry.register('user-service', { url: leaving.url })
    await using client = createClient({ service: 'user-service', source: registry, drainTimeout: 20 })
    const running = await client('/')
    lease.release()
    await expect(running.text()).rejects.toThrow(Error)
    await until(() => leaving.open === 0)
  })

  it('that comes back under the same id has new connections and a new breaker', async () => {
    await using server = await startServer(reply(500))
    const registry = new MemoryRegistry()
    const lease = registry.register('user-service', { url: server.url })
    await using client = createClient({
      service: 'user-service',
      source: registry,
      breaker: { failureThreshold: 1 },
    })
    expect((await client('/')).status).toBe(500)
    expect(instanceOf(client, server.host).breaker).toBe('open')
    lease.release()
    await until(() => client.snapshot().instances.length === 0)
    registry.register('user-service', { url: server.url })
    await until(() => client.snapshot().instances.length === 1)
    expect(instanceOf(client, server.host)).toMatchObject({ breaker: 'closed', settled: { failure: 0 } })
  })
})
