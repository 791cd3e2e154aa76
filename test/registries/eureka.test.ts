import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { eureka } from '../../src/registry/eureka.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { registrarSuite, sourceSuite } from '../../src/testing/source-suite.ts'
import { startFakeEureka, type EurekaInstance, type FakeEureka } from './fake-eureka.ts'
import { reader, serve, shown, silence, until } from './fake-http.ts'

vi.setConfig({ testTimeout: 60_000 })

const unused = { signal: new AbortController().signal }

let fake: FakeEureka
let url: string
let stop: AbortController
let count = 0

beforeAll(async () => {
  fake = await startFakeEureka()
  url = `${fake.server.url}/eureka`
})
afterAll(() => fake.server[Symbol.asyncDispose]())
beforeEach(() => {
  stop = new AbortController()
})
afterEach(() => stop.abort())

const freshService = (): string => `service-${count++}`
const quick = { poll: 20, timeout: 400 }
const disabled = { $: 443, '@enabled': 'false' }

/** As a Spring application would be listed, but for what Eureka has no field for. */
function entry(service: string, instance: Instance): EurekaInstance {
  const { id, url, weight, zone = '', priority, draining, metadata } = instance
  const { hostname, port } = new URL(url)
  return {
    instanceId: id,
    app: service.toUpperCase(),
    hostName: hostname,
    ipAddr: hostname,
    status: 'UP',
    port: { $: Number(port), '@enabled': 'true' },
    securePort: disabled,
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
    lastDirtyTimestamp: '1',
    metadata: {
      ...(metadata as Record<string, string>),
      zone,
      outrigger: JSON.stringify({ weight, priority, draining }),
    },
  }
}

function put(service: string, ...instances: EurekaInstance[]): void {
  fake.apps.set(service.toUpperCase(), new Map(instances.map((instance) => [instance.instanceId, instance])))
}

describe('every source', () => {
  sourceSuite(it, {
    source: () => eureka({ url, ...quick }),
    sourceAt: (url) => eureka({ url, ...quick }),
    set: async (service, instances) => put(service, ...instances.map((instance) => entry(service, instance))),
  })
})

describe('every registrar', () => {
  registrarSuite(it, {
    registrar: () => eureka({ url, ttl: 1000, ...quick }),
    registrarAt: (url) => eureka({ url, ...quick }),
    list: async (service) => {
      fake.evict()
      return [...(fake.apps.get(service.toUpperCase())?.values() ?? [])].map((registered) => {
        const { outrigger, zone, ...metadata } = registered.metadata
        const own = JSON.parse(outrigger ?? '{}') as Instance
        const url = `http://${registered.hostName}:${registered.port.$}`
        return { ...own, id: registered.instanceId, url, zone: zone ?? '', metadata }
      })
    },
    forget: async (service, id) => void fake.apps.get(service.toUpperCase())?.delete(id),
  })
})

describe('an application', () => {
  const spring = {
    instanceId: 'host:orders:8080',
    app: 'ORDERS',
    hostName: 'orders-1.internal',
    ipAddr: '10.0.0.1',
    status: 'UP',
    overriddenStatus: 'UNKNOWN',
    port: { $: 8080, '@enabled': 'true' },
    securePort: { $: 443, '@enabled': 'false' },
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    metadata: { '@class': 'java.util.Collections$EmptyMap' },
  }

  it.each<[string, object, Partial<Instance>]>([
    ['by host name', {}, { id: 'host:orders:8080', url: 'http://orders-1.internal:8080' }],
    [
      'with TLS',
      { securePort: { $: '8443', '@enabled': 'true' } },
      { url: 'https://orders-1.internal:8443' },
    ],
    [
      'with a boolean',
      { securePort: { $: 8443, '@enabled': true } },
      { url: 'https://orders-1.internal:8443' },
    ],
    ['in a zone', { metadata: { zone: 'a', v: '1' } }, { zone: 'a', metadata: { v: '1' } }],
    ['on Amazon', { dataCenterInfo: { metadata: { 'availability-zone': 'us-1a' } } }, { zone: 'us-1a' }],
    ['without an instance id', { instanceId: undefined }, { id: 'orders-1.internal' }],
  ])('is read %s', async (_, change, expected) => {
    put('orders', { ...spring, ...change } as unknown as EurekaInstance)
    const [instance] = await reader(eureka({ url }).watch('orders', stop)).next()
    expect(instance).toMatchObject(expected)
  })

  it('is read by IP address on demand', async () => {
    put('orders', spring as unknown as EurekaInstance)
    const [instance] = await reader(eureka({ url, address: 'ipAddr' }).watch('orders', stop)).next()
    expect(instance?.url).toBe('http://10.0.0.1:8080')
    expect(instance?.metadata).toBeUndefined()
  })

  it('of one instance may be written as that one', async () => {
    await using old = await serve((_, response) => {
      response.end(JSON.stringify({ application: { name: 'ORDERS', instance: spring } }))
    })
    expect(await reader(eureka({ url: old.url }).watch('orders', stop)).next()).toHaveLength(1)
  })

  it('lists only what is UP', async () => {
    const all = ['UP', 'DOWN', 'STARTING', 'OUT_OF_SERVICE', 'UNKNOWN'].map((status) => ({
      ...spring,
      instanceId: status,
      status,
    }))
    put('orders', ...(all as unknown as EurekaInstance[]))
    const instances = await reader(eureka({ url }).watch('orders', stop)).next()
    expect(instances.map(({ id }) => id)).toEqual(['UP'])
  })

  it('nobody has registered is empty', async () => {
    expect(await reader(eureka({ url }).watch('nobody', stop)).next()).toEqual([])
  })
})

const NOBODY = '{"application":{"name":"X","instance":[]}}'

describe('the poll', () => {
  it('comes every 30 s, give or take a tenth', async () => {
    const clock = new ManualClock()
    await using server = await serve((_, response) => response.end(NOBODY))
    const read = reader(eureka({ url: server.url, clock }).watch('x', stop))
    await read.next()
    const next = read.next()
    await until(() => clock.timers === 1)
    await clock.advance(27_000 - 1)
    expect(server.requests).toHaveLength(1)
    await clock.advance(6_001)
    await next
    expect(server.requests).toEqual(['GET /apps/X', 'GET /apps/X'])
  })

  it('asks the next server when one is dead, frozen or broken, and stays there', async () => {
    await using frozen = await silence()
    await using broken = await serve((_, response) => response.writeHead(500).end())
    const service = freshService()
    put(service, entry(service, { id: 'a', url: 'http://10.0.0.1:80' }))
    const urls = ['http://127.0.0.1:1/eureka', frozen.url, broken.url, url]
    const read = reader(eureka({ url: urls, ...quick }).watch(service, stop))
    expect(await read.next()).toHaveLength(1)
    expect(await read.next()).toHaveLength(1)
    expect(broken.requests).toHaveLength(1)
  })

  it('fails when the server freezes', async () => {
    await using server = await serve((_, response) => {
      if (server.requests.length === 1) response.end(NOBODY)
    })
    const read = reader(eureka({ url: server.url, ...quick }).watch('x', stop))
    await read.next()
    expect(String(await read.end())).toContain('no answer within 400 ms')
  })

  it.each([
    ['no JSON', '<html>', /200: <html>/],
    ['null', 'null', /not an application/],
    ['a list', '[]', /not an application/],
  ])('fails on %s', async (_, body, reason) => {
    await using server = await serve((_, response) => response.end(body))
    expect(String(await reader(eureka({ url: server.url }).watch('x', stop)).end())).toMatch(reason)
  })

  it.each([0, 1, 2])('leaves nothing behind, aborted after %i steps', async (steps: number) => {
    const clock = new ManualClock()
    await using server = await serve((_, response) => void (steps > 0 && response.end(NOBODY)))
    const read = reader(eureka({ url: server.url, clock }).watch('x', stop))
    if (steps > 0) await read.next()
    const end = read.end()
    await until(() => clock.timers === 1 && server.seen === 1)
    stop.abort()
    expect(await end).toBeUndefined()
    expect(clock.timers).toBe(0)
    await until(() => server.connections === 0)
  })
})

describe('a registration', () => {
  it.each([
    { url: 'https://[::1]:8443', weight: 2 },
    { url: 'https://10.0.0.1', weight: 0.5, priority: 1, draining: true },
    {
      id: 'an id/with "all"?',
      url: 'http://10.0.0.1',
      zone: 'a',
      metadata: { zone: 'not the zone', v: '1', deep: { list: [1] } },
    },
  ])('comes back as it was: %j', async (instance) => {
    const service = freshService()
    const registry = eureka({ url })
    const lease = await registry.register(service, instance, unused)
    expect(lease.ttl).toBe(90_000)
    const { hostname, port, protocol } = new URL(instance.url)
    const origin = `${protocol}//${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
    const [found] = await reader(registry.watch(service, stop)).next()
    expect(found).toMatchObject({ id: origin.replace(/^.*\//, ''), ...instance, url: origin })
    expect(await lease.renew(unused)).toBe(true)
    await lease.release(unused)
    expect(await lease.renew(unused)).toBe(false)
    await lease.release(unused)
    expect(await reader(registry.watch(service, stop)).next()).toEqual([])
  })

  it('carries its lease in seconds', async () => {
    const service = freshService()
    const lease = await eureka({ url, ttl: 4500 }).register(service, { url: 'http://10.0.0.1:80' }, unused)
    const [registered] = fake.apps.get(service.toUpperCase())?.values() ?? []
    expect(registered?.leaseInfo).toEqual({ renewalIntervalInSecs: 1, durationInSecs: 5 })
    expect(lease.ttl).toBe(4500)
  })

  it('at something that is no Eureka fails', async () => {
    const register = eureka({ url: fake.server.url }).register('x', { url: 'http://10.0.0.1:80' }, unused)
    await expect(Promise.resolve(register)).rejects.toThrow(/no Eureka server at/)
  })
})

describe('credentials', () => {
  it('go along with every request, and never into an error', async () => {
    const options = { user: 'me', password: 'correct-horse' }
    const basic = Buffer.from('me:correct-horse').toString('base64')
    fake.authorizations.length = 0
    const registry = eureka({ url, ...options })
    await registry.register('x', { url: 'http://10.0.0.1:80' }, unused)
    await reader(registry.watch('x', stop)).next()
    expect(fake.authorizations).toEqual([`Basic ${basic}`, `Basic ${basic}`])
    await using echo = await serve((request, response) => {
      response.writeHead(401).end(`no: ${request.headers.authorization} correct-horse`)
    })
    const refused = eureka({ url: echo.url, ...options })
    const errors = [
      await reader(refused.watch('x', stop)).end(),
      await Promise.resolve(refused.register('x', { url: 'http://10.0.0.1' }, unused)).catch(
        (error: unknown) => error,
      ),
      await reader(eureka({ url: 'http://127.0.0.1:1', ...options }).watch('x', stop)).end(),
    ]
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error)
      expect(shown(error)).not.toMatch(new RegExp(`correct-horse|${basic}`))
    }
    expect(String(errors[0])).toContain('401: no: Basic *** ***')
  })
})

describe('options', () => {
  it.each([
    [{}, /url must be a url or a list of urls/],
    [{ url: 'http://me:secret@a/eureka' }, /without credentials/],
    [{ url: 'http://a', user: 'me' }, /user and password must be set together/],
    [{ url: 'http://a', user: 'me', password: 5 }, /password must be a string/],
    [{ url: 'http://a', poll: 0 }, /poll must be a number > 0/],
    [{ url: 'http://a', timeout: NaN }, /timeout must be/],
    [{ url: 'http://a', ttl: 1 }, /ttl must be a number >= 1000/],
    [{ url: 'http://a', address: 'ip' }, /address must be 'hostName' or 'ipAddr', got 'ip'/],
    [{ url: 'http://a', tls: 1 }, /tls must be an object/],
    [{ url: 'http://a', region: 'x' }, /eureka.region is not an option/],
  ])('%j are refused', (options, message) => {
    const make = (): unknown => eureka(options as unknown as Parameters<typeof eureka>[0])
    expect(make).toThrow(message)
    expect(make).not.toThrow(/secret/)
  })

  it('a service without a name is refused', async () => {
    const registry = eureka({ url })
    expect(String(await reader(registry.watch('', stop)).end())).toMatch(/service must be/)
    await expect(Promise.resolve(registry.register('', { url: 'http://a' }, unused))).rejects.toThrow(
      /service must be/,
    )
  })
})

describe("Netflix's own server", () => {
  const listed = gzipSync(
    JSON.stringify({
      application: { name: 'WEB', instance: [entry('web', { id: 'a', url: 'http://10.0.0.1:8080' })] },
    }),
  )

  it('answers gzipped, and 406 to who does not take that', async () => {
    await using server = await serve((request, response) => {
      const refused = !String(request.headers['accept-encoding']).includes('gzip')
      response.writeHead(refused ? 406 : 200, { 'content-encoding': 'gzip' }).end(refused ? '' : listed)
    })
    const [instance] = await reader(eureka({ url: `${server.url}/eureka/v2` }).watch('web', stop)).next()
    expect(instance).toMatchObject({ id: 'a', url: 'http://10.0.0.1:8080' })
  })

  it.each(['gzip', 'br', 'zstd'])('is not believed when its %s is none', async (coding) => {
    await using server = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end('{"application":{"instance":[]}}')
    })
    expect(String(await reader(eureka({ url: server.url }).watch('web', stop)).end())).toMatch(
      /^Error: eureka: GET/,
    )
  })
})

describe('a wrong url', () => {
  it('is a failure that says so, not a service without instances', async () => {
    await using server = await serve((_, response) => void response.writeHead(404).end())
    const error = await reader(eureka({ url: server.url }).watch('web', stop)).end()
    expect(String(error)).toContain(
      `no Eureka server at ${server.url}: GET ${server.url}/apps/delta answered 404`,
    )
  })

  it('that redirects names its target, without what may be a secret', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(302, { location: 'https://me:pw@sso.example/login?state=secret' }).end('moved')
    })
    const error = await reader(eureka({ url: server.url }).watch('web', stop)).end()
    expect(String(error)).toMatch(/: 302: redirected to https:\/\/\*\*\*@sso\.example\/login$/)
  })
})
