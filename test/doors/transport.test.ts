import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool, ProxyAgent, request } from 'undici'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, MemoryRegistry, type Client, type Instance } from '../../src/index.ts'
import { toRegistration as toConsul } from '../../src/registry/consul/agent.ts'
import { toRegistration as toEureka } from '../../src/registry/eureka/application.ts'
import { inOrder } from '../support/balance.ts'
import { instanceOf } from '../support/events.ts'
import { ok, reply, startServer, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

/** A server on a unix socket in a separate folder. */
async function startSocketServer(answer: Answer): Promise<{ path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger socket?'))
  const path = join(folder, 'app.sock')
  const server = createServer((message, response) => void answer(message, response)).listen(path)
  await once(server, 'listening')
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      server.close().closeAllConnections()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An HTTP proxy that supports CONNECT. */
async function startProxy(): Promise<{ url: string; tunnels: string[] } & AsyncDisposable> {
  const tunnels: string[] = []
  const proxy = createServer()
  proxy.on('connect', ({ url = '' }, socket) => {
    tunnels.push(url)
    const [host, port] = url.split(':')
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(target).pipe(socket)
    })
    target.on('error', () => socket.destroy())
    socket.on('error', () => target.destroy()).on('close', () => target.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    tunnels,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}

describe('an instance on a unix socket', () => {
  it.each<[string, (client: Client) => Promise<string>]>([
    ['fetch', async (client) => (await client('/')).text()],
    ['request', async (client) => (await client.request('/')).body.text()],
    [
      'the dispatcher',
      async ({ dispatcher }) => (await request('http://user-service/', { dispatcher })).body.text(),
    ],
  ])('is reached through %s, with the logical host', async (_door, call) => {
    await using server = await startSocketServer((message, response) => response.end(message.headers.host))
    await using client = createClient({
      service: 'user-service',
      source: fixed([`unix:${server.path}`]),
      transport: { connections: 1 },
    })
    expect(await call(client)).toBe('user-service')
    expect(instanceOf(client, server.path).instance.url).toBe(`unix:${server.path}`)
  })

  it('works together with instances on TCP, and fails like them', async () => {
    await using server = await startServer(ok)
    await using client = createClient({
      service: 'user-service',
      source: fixed(['unix:///nowhere/app.sock', server.url]),
      balance: inOrder,
      retry: { backoff: 0 },
    })
    expect(await (await client('/')).text()).toBe('ok')
    expect(instanceOf(client, '/nowhere/app.sock').settled.failure).toBe(1)
  })

  it('rejects https:// calls, like every instance that speaks plain HTTP', async () => {
    await using client = createClient({ service: 'user-service', source: fixed(['unix:/run/app.sock']) })
    await expect(client('https://user-service/')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_DENIED' })
  })
})

describe('a registry that supports only hosts and ports', () => {
  const socket = { id: 'a', url: 'unix:/run/app.sock' }

  it.each<[string, () => unknown]>([
    ['Consul', () => toConsul('user-service', socket, { ttl: 1000, deregisterAfter: 1000 })],
    ['Eureka', () => toEureka('user-service', socket, 1000, 0)],
  ])('%s, does not register a unix socket', (_registry, register) => {
    expect(register).toThrow('unix:/run/app.sock is a unix socket, which this registry cannot announce')
  })
})

describe('transport as a function', () => {
  it('can put an undici ProxyAgent in front of each instance', async () => {
    await using server = await startServer(ok)
    await using proxy = await startProxy()
    await using client = createClient({
      service: 'user-service',
      source: fixed([server.url]),
      transport: () => new ProxyAgent({ uri: proxy.url, proxyTunnel: true }),
    })
    expect(await (await client('/a')).text()).toBe('ok')
    expect(proxy.tunnels).toEqual([server.host])
    expect(server.headers[0]).toMatchObject({ host: 'user-service' })
  })

  it('is called once for each instance, and its dispatcher is destroyed with the instance', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const made: Instance[] = []
    const pools: Pool[] = []
    const registry = new MemoryRegistry()
    const lease = registry.register('user-service', { id: 'a', url: server.url, zone: 'b' })
    await using client = createClient({
      service: 'user-service',
      source: registry,
      transport: (instance) => {
        made.push(instance)
        const pool = new Pool(instance.url)
        pools.push(pool)
        return pool
      },
    })
    for (let call = 0; call < 3; call++) await (await client('/')).text()
    expect(made).toMatchObject([{ id: 'a', url: server.url, zone: 'b' }])
    lease.release()
    await until(() => pools[0]!.destroyed)
  })

  it.each([[5], ['http'], [null]])('must be a function or options, not %j', (transport) => {
    const options = { service: 'a', source: fixed([]), transport: transport as never }
    expect(() => createClient(options)).toThrow(
      /transport must be an object with options of undici, or a function/,
    )
  })
})
