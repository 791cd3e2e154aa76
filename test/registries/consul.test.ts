import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { Resolver } from 'node:dns/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { RequestListener } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { announce } from '../../src/registry/announce.ts'
import { consul } from '../../src/registry/consul.ts'
import { Discovery } from '../../src/registry/discovery.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { registrarSuite, sourceSuite } from '../../src/testing/source-suite.ts'
import { startConsul, type ConsulServer } from '../support/servers/index.ts'
import { certificates } from './certificates.ts'
import { countingProxy, reader, serve, shown, silence, until } from './fake-http.ts'
import { tool } from './tool.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const run = promisify(execFile)
const unused = { signal: new AbortController().signal }

let server: ConsulServer
let stop: AbortController
let count = 0

beforeAll(async () => {
  server = await startConsul()
})
afterAll(() => server.close())
beforeEach(() => {
  stop = new AbortController()
})
afterEach(() => stop.abort())

const byId = (a: Instance, b: Instance): number => (a.id < b.id ? -1 : 1)
const freshService = (): string => `service-${count++}`
const quick = { wait: 1000, timeout: 400 }

async function api(method: string, path: string, body?: object, to = server): Promise<unknown> {
  const response = await fetch(to.url + path, { method, ...(body && { body: JSON.stringify(body) }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text && JSON.parse(text)
}

/** As any other program would register it, but for what Consul has no field for. */
function add(service: string, instance: Instance, extra: object = {}): Promise<unknown> {
  const { id, url, weight = 1, zone = '', priority, draining, metadata } = instance
  const { hostname, port } = new URL(url)
  const own = JSON.stringify({ id, priority, draining })
  return api('PUT', '/v1/agent/service/register', {
    ID: `${service}-${id}`,
    Name: service,
    Address: hostname,
    Port: Number(port),
    Weights: { Passing: weight, Warning: 1 },
    Meta: { ...metadata, zone, outrigger: own },
    ...extra,
  })
}

interface Entry {
  Node: { Node: string }
  Service: {
    ID: string
    Address: string
    Port: number
    Weights: { Passing: number }
    Meta: Record<string, string>
  }
  Checks: { CheckID: string; Status: string; Output: string }[]
}

async function entries(service: string): Promise<Entry[]> {
  return (await api('GET', `/v1/health/service/${service}?passing=true`)) as Entry[]
}

async function list(service: string): Promise<Instance[]> {
  return (await entries(service)).map(({ Service: { Address, Port, Weights, Meta } }) => {
    const { outrigger, zone, ...metadata } = Meta
    const own = JSON.parse(outrigger ?? '{}') as Instance
    return { ...own, url: `http://${Address}:${Port}`, weight: Weights.Passing, zone: zone ?? '', metadata }
  })
}

async function set(service: string, instances: readonly Instance[]): Promise<void> {
  const wanted = new Set(instances.map(({ id }) => `${service}-${id}`))
  // From the agent: right after its start the catalogue may not have it all yet.
  const filter = encodeURIComponent(`Service == "${service}"`)
  const present = (await api('GET', `/v1/agent/services?filter=${filter}`)) as Record<string, unknown>
  for (const id of Object.keys(present)) {
    if (!wanted.has(id)) await api('PUT', `/v1/agent/service/deregister/${id}`)
  }
  for (const instance of instances) await add(service, instance)
}

const controls = {
  kill: () => server.kill(),
  restart: ({ data }: { data: boolean }) => server.restart({ keepData: data }),
  freeze: async () => server.freeze(),
  thaw: async () => server.thaw(),
}

describe('every source', () => {
  let persistent: ConsulServer
  const memory = (): ConsulServer => server
  let saved: ConsulServer
  beforeAll(async () => {
    persistent = await startConsul({ persistent: true })
    saved = memory()
    server = persistent
  })
  afterAll(async () => {
    server = saved
    await persistent.close()
  })

  sourceSuite(it, {
    source: () => consul({ url: server.url, ...quick }),
    sourceAt: (url) => consul({ url, ...quick }),
    set,
    server: controls,
    bound: 20_000,
  })
})

describe('every registrar', () => {
  registrarSuite(it, {
    registrar: () => consul({ url: server.url, ttl: 2000, ...quick }),
    registrarAt: (url) => consul({ url, ...quick }),
    list,
    forget: async (service, id) => void (await api('PUT', `/v1/agent/service/deregister/${service}:${id}`)),
    server: { ...controls, restart: () => server.restart({ keepData: false }) },
    bound: 20_000,
  })
})

describe('every source, on two connections for all services', () => {
  sourceSuite(it, {
    source: () => consul({ url: server.url, ...quick, shared: true }),
    sourceAt: (url) => consul({ url, ...quick, shared: true }),
    set,
    server: { ...controls, restart: () => server.restart({ keepData: false }) },
    // As the agent in memory keeps no data.
    bound: 20_000,
    many: 100,
  })
})

describe('connections', () => {
  it('are one for each watch', async () => {
    await using proxy = await countingProxy(server.port)
    const registry = consul({ url: proxy.url, ...quick })
    const reads = Array.from({ length: 20 }, (_, n) => reader(registry.watch(`none-${n}`, stop)))
    await Promise.all(reads.map((read) => read.next()))
    const second = Promise.all(reads.map((read) => read.next()))
    await second
    expect(proxy.seen).toBe(20)
  })

  it('are two for all watches that share them', async () => {
    await using proxy = await countingProxy(server.port)
    const registry = consul({ url: proxy.url, ...quick, shared: true })
    const service = freshService()
    const reads = Array.from({ length: 20 }, (_, n) => reader(registry.watch(`none-${n}`, stop)))
    await Promise.all(reads.map((read) => read.next()))
    const read = reader(registry.watch(service, stop))
    expect(await read.next()).toEqual([])
    await add(service, { id: 'a', url: 'http://10.0.0.1:8080' }, { Check: { TTL: '1m', Status: 'passing' } })
    let found: readonly Instance[] = []
    while (found.length === 0) found = await read.next()
    expect(found).toMatchObject([{ id: 'a', url: 'http://10.0.0.1:8080' }])
    expect(proxy.seen).toBe(2)
    stop.abort()
    await Promise.all([read, ...reads].map((each) => each.end()))
    await until(() => proxy.connections === 0)
  })

  it('are one for all heartbeats of a registration, and none after its release', async () => {
    await using proxy = await countingProxy(server.port)
    const lease = await consul({ url: proxy.url }).register(freshService(), { url: 'http://a' }, unused)
    for (let beat = 0; beat < 3; beat++) expect(await lease.renew(unused)).toBe(true)
    expect(proxy.seen).toBe(1)
    await lease.release(unused)
    await until(() => proxy.connections === 0)
  })

  it('beyond the limit of the agent are refused with its name, and take no healthy instance away', async () => {
    const limits = { http_max_conns_per_client: 5 }
    await using agent = await startConsul({ config: { limits } })
    const registry = consul({ url: agent.url, ...quick })
    const service = freshService()
    const lease = await registry.register(service, { url: 'http://a' }, unused)
    const errors: unknown[] = []
    for (let n = 0; n < 8; n++) {
      void reader(registry.watch(`x-${n}`, stop))
        .end()
        .then((error) => error && errors.push(error))
    }
    await until(() => errors.length > 0)
    expect(String(errors[0])).toMatch(/200 connections from one client address.*http_max_conns_per_client/)
    expect(await lease.renew(unused)).toBe(true)
  })
})

describe('what others register', () => {
  it.each([
    ['its metadata', { Meta: { secure: 'true' } }, 'https:'],
    ['its tags, as before', { Tags: ['secure=true'] }, 'https:'],
    ['false', { Meta: { secure: 'false' }, Tags: ['secure=true'] }, 'http:'],
  ])('with Spring Cloud says https by %s', async (_, extra, protocol) => {
    const service = freshService()
    await api('PUT', '/v1/agent/service/register', { Name: service, Address: '10.0.0.1', Port: 1, ...extra })
    const [instance] = await reader(consul({ url: server.url }).watch(service, stop)).next()
    expect(instance?.url).toBe(`${protocol}//10.0.0.1:1`)
  })

  it('is found with its address, weight, zone, tags and metadata', async () => {
    const service = freshService()
    await api('PUT', '/v1/agent/service/register', {
      ID: 'x',
      Name: service,
      Address: '10.0.0.1',
      Port: 80,
      Tags: ['v1'],
      Weights: { Passing: 5, Warning: 1 },
      Meta: { zone: 'a', version: '2' },
    })
    const read = reader(consul({ url: server.url }).watch(service, stop))
    expect(await read.next()).toEqual([
      {
        id: 'test/x',
        url: 'http://10.0.0.1:80',
        weight: 5,
        zone: 'a',
        priority: undefined,
        draining: undefined,
        metadata: { tags: ['v1'], version: '2' },
      },
    ])
  })

  it("falls back on the node's address and the option's scheme", async () => {
    const service = freshService()
    await api('PUT', '/v1/agent/service/register', { Name: service, Port: 80 })
    const [instance] = await reader(consul({ url: server.url, scheme: 'https' }).watch(service, stop)).next()
    expect(instance?.url).toBe('https://127.0.0.1:80')
  })

  it('is told apart by node: a service id is often the same on each', async () => {
    const service = freshService()
    for (const node of ['one', 'two']) {
      await api('PUT', '/v1/catalog/register', {
        Node: node,
        Address: '10.0.0.9',
        NodeMeta: { zone: `zone-${node}` },
        Service: { Service: service, Port: 80, Address: node === 'one' ? '::1' : '' },
      })
    }
    const instances = await reader(consul({ url: server.url }).watch(service, stop)).next()
    expect(instances.toSorted(byId).map(({ id, url, zone }) => [id, url, zone])).toEqual([
      [`one/${service}`, 'http://[::1]:80', 'zone-one'],
      [`two/${service}`, 'http://10.0.0.9:80', 'zone-two'],
    ])
  })

  it('is used in warning only when asked for, by its other weight; critical never', async () => {
    const service = freshService()
    for (const [id, Status] of [
      ['a', 'passing'],
      ['b', 'warning'],
      ['c', 'critical'],
    ] as const) {
      await add(
        service,
        { id, url: `http://10.0.0.1:${id.charCodeAt(0)}` },
        {
          Weights: { Passing: 7, Warning: 2 },
          Check: { CheckID: `${service}-${id}`, TTL: '10m', Status },
        },
      )
    }
    const weights = async (passing: boolean): Promise<unknown> => {
      const read = reader(consul({ url: server.url, passing }).watch(service, stop))
      return (await read.next()).toSorted(byId).map(({ id, weight }) => [id, weight])
    }
    expect(await weights(true)).toEqual([['a', 7]])
    expect(await weights(false)).toEqual([
      ['a', 7],
      ['b', 2],
    ])
  })

  it('is selected by tag, filter and datacenter', async () => {
    const service = freshService()
    await add(service, { id: 'a', url: 'http://10.0.0.1:80' }, { Tags: ['blue'] })
    await add(service, { id: 'b', url: 'http://10.0.0.2:80', metadata: { version: '2' } })
    const ids = async (options: Parameters<typeof consul>[0]): Promise<string[]> => {
      const read = reader(consul({ url: server.url, ...options }).watch(service, stop))
      return (await read.next()).map(({ id }) => id).toSorted()
    }
    expect(await ids({ tag: 'blue' })).toEqual(['a'])
    expect(await ids({ filter: 'Service.Meta.version == "2"' })).toEqual(['b'])
    expect(await ids({ datacenter: 'dc1', stale: true })).toEqual(['a', 'b'])
    await expect(ids({ datacenter: 'mars' })).rejects.toThrow(/mars|datacenter/)
  })

  it('is seen to go into maintenance and to come back', async () => {
    const service = freshService()
    await add(service, { id: 'a', url: 'http://10.0.0.1:80' })
    const read = reader(consul({ url: server.url }).watch(service, stop))
    await read.next()
    const gone = read.next()
    await api('PUT', `/v1/agent/service/maintenance/${service}-a?enable=true`)
    expect(await gone).toEqual([])
    const back = read.next()
    await api('PUT', `/v1/agent/service/maintenance/${service}-a?enable=false`)
    expect(await back).toHaveLength(1)
  })
})

describe('what we register', () => {
  it('is read by the command line, over HTTP and over DNS', async () => {
    const service = freshService()
    const registry = consul({ url: server.url })
    const instance = {
      url: 'http://10.0.0.1:8080',
      weight: 5,
      zone: 'a',
      metadata: { version: '2', tags: ['blue'] },
    }
    const lease = await registry.register(service, instance, unused)
    expect(await tool('consul', ['catalog', 'services', '-tags'], server)).toMatch(
      new RegExp(`${service} +blue`),
    )
    const [entry] = await entries(service)
    expect(entry?.Service).toMatchObject({ Address: '10.0.0.1', Port: 8080, Weights: { Passing: 5 } })
    expect(entry?.Service.Meta).toMatchObject({ version: '2', zone: 'a' })
    const resolver = new Resolver()
    resolver.setServers([`127.0.0.1:${server.dnsPort}`])
    const [record] = await resolver.resolveSrv(`${service}.service.consul`)
    expect(record).toMatchObject({ port: 8080, weight: 5 })
    await lease.release(unused)
    expect(await entries(service)).toEqual([])
  })

  it.each([
    { url: 'https://[::1]:8443', weight: 2 },
    { url: 'https://10.0.0.1', weight: 0.5, priority: 1, draining: true },
    {
      url: 'http://10.0.0.1',
      zone: 'a',
      metadata: { zone: 'not the zone', outrigger: 'x', 'a b': 'c', deep: { list: [1] } },
    },
    { id: 'an id/with "all"?', url: 'http://10.0.0.1:80', weight: 100_000 },
  ])('comes back as it was: %j', async (instance) => {
    const service = freshService()
    const registry = consul({ url: server.url, scheme: 'https' })
    const lease = await registry.register(service, instance, unused)
    const { hostname, port, protocol } = new URL(instance.url)
    const origin = `${protocol}//${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
    const [found] = await reader(registry.watch(service, stop)).next()
    expect(found).toMatchObject({ id: origin.replace(/^.*\//, ''), ...instance, url: origin })
    expect(await lease.renew(unused)).toBe(true)
    await lease.release(unused)
    expect(await lease.renew(unused)).toBe(false)
    await lease.release(unused)
  })

  it('of two services at one address stays apart', async () => {
    const registry = consul({ url: server.url })
    const [one, two] = [freshService(), freshService()]
    const lease = await registry.register(one, { url: 'http://10.0.0.1:80' }, unused)
    await registry.register(two, { url: 'http://10.0.0.1:80' }, unused)
    await lease.release(unused)
    expect(await entries(two)).toHaveLength(1)
  })

  it('does not move the index by its heartbeats', async () => {
    const service = freshService()
    const lease = await consul({ url: server.url }).register(service, { url: 'http://10.0.0.1:80' }, unused)
    const index = async (): Promise<string | null> =>
      (await fetch(`${server.url}/v1/health/service/${service}`)).headers.get('x-consul-index')
    await lease.renew(unused)
    await until(
      async () =>
        (await entries(service))[0]?.Checks.some(
          ({ CheckID, Output }) => CheckID.startsWith('service:') && Output === '',
        ) === true,
    )
    const before = await index()
    for (let beat = 0; beat < 5; beat++) await lease.renew(unused)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await index()).toBe(before)
  })

  it('is no longer discovered without heartbeats, and is again with the next', async () => {
    const service = freshService()
    const registry = consul({ url: server.url, ttl: 300 })
    const lease = await registry.register(service, { url: 'http://10.0.0.1:80' }, unused)
    const read = reader(registry.watch(service, stop))
    await read.next()
    expect(await read.next()).toEqual([])
    const back = read.next()
    expect(await lease.renew(unused)).toBe(true)
    expect(await back).toHaveLength(1)
  })
})

describe('what Consul would not take', () => {
  it.each([
    [{ metadata: { long: 'x'.repeat(600) } }, /which must have at most 512 characters, got 6\d\d/],
    [
      { metadata: Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`k${n}`, ''])) },
      /metadata must have 62 keys at most, got 7\d/,
    ],
  ])('is refused before it is asked: case %#', async (more, message) => {
    await using agent = await serve((_, response) => void response.end())
    const registering = consul({ url: agent.url }).register('x', { url: 'http://a', ...more }, unused)
    await expect(Promise.resolve(registering)).rejects.toThrow(message)
    expect(agent.requests).toEqual([])
  })
})

describe('blocking queries', () => {
  /** Answers query after query with the given index; records what each asked for. */
  async function scripted(
    indexes: readonly string[],
    run: (asked: URLSearchParams[], url: string) => Promise<void>,
  ): Promise<void> {
    const asked: URLSearchParams[] = []
    await using fake = await serve((request, response) => {
      const index = indexes[asked.length]
      asked.push(new URL(request.url ?? '', 'http://x').searchParams)
      if (index !== undefined) response.setHeader('x-consul-index', index).end('[]')
    })
    await run(asked, fake.url)
  }

  it.each([
    ['the index comes back as it was, beyond 2^53 too', ['9007199254740993'], [null, '9007199254740993']],
    ['an index that goes back starts anew', ['22', '11', '11'], [null, '22', null, '11']],
    ['zero counts as one, or the next query would not block', ['0'], [null, '1']],
  ])('%s', async (_, indexes, expected) => {
    await scripted(indexes, async (asked, url) => {
      const read = reader(consul({ url }).watch('x', stop))
      const end = read.end()
      await until(() => asked.length === expected.length)
      stop.abort()
      await end
      expect(asked.map((query) => query.get('index'))).toEqual(expected)
      expect(asked.map((query) => query.get('wait'))).toEqual(expected.map((index) => index && '55000ms'))
    })
  })

  it('do not spin, however fast the index moves', async () => {
    const clock = new ManualClock()
    let index = 0
    await using fake = await serve((_, response) => {
      response.setHeader('x-consul-index', String(++index)).end('[]')
    })
    const read = reader(consul({ url: fake.url, clock }).watch('x', stop))
    await read.next()
    await read.next()
    const third = read.next()
    const soon = new Promise((resolve) => setTimeout(resolve, 100, 'held back'))
    await clock.advance(249)
    expect(await Promise.race([third, soon])).toBe('held back')
    await clock.advance(1)
    await third
    expect(index).toBe(3)
  })

  it('are given up when no answer comes in the time the server may take', async () => {
    const clock = new ManualClock()
    await scripted(['5'], async (asked, url) => {
      const read = reader(consul({ url, clock, wait: 16_000, timeout: 1000 }).watch('x', stop))
      await read.next()
      const end = read.end()
      await until(() => asked.length === 2)
      await clock.advance(17_999)
      expect(clock.timers).toBe(1)
      await clock.advance(1)
      expect(String(await end)).toContain('no answer within 18000 ms')
      expect(clock.timers).toBe(0)
    })
  })

  it('notice a frozen agent', async () => {
    const own = await startConsul()
    try {
      const read = reader(consul({ url: own.url, wait: 200, timeout: 200 }).watch('x', stop))
      await read.next()
      own.freeze()
      expect(String(await read.end())).toMatch(/no answer within/)
    } finally {
      await own.close()
    }
  })

  it('begin anew on an agent that lost its state, and heartbeats register again', async () => {
    const own = await startConsul()
    const registry = consul({ url: own.url, ttl: 1000, wait: 10_000 })
    let registered = 0
    const announced = await announce(
      registry,
      'orders',
      { url: 'http://10.0.0.1:80' },
      {
        onRegistered: () => registered++,
        onError: () => {},
      },
    )
    const lengths: number[] = []
    let recovered = 0
    const discovery = new Discovery({
      source: registry,
      service: 'orders',
      onInstances: (all) => lengths.push(all.length),
      onRecovered: () => recovered++,
    })
    try {
      discovery.start()
      await discovery.ready
      await own.restart({ keepData: false })
      await until(() => registered === 2 && recovered === 1)
      await until(
        async () =>
          ((await api('GET', '/v1/health/service/orders?passing=true', undefined, own)) as unknown[])
            .length === 1,
      )
      expect(discovery.instances).toHaveLength(1)
      expect(lengths).toEqual([1])
    } finally {
      await announced.close()
      await discovery.close()
      await own.close()
    }
  })
})

describe('what a server may answer', () => {
  it.each([
    ['no list', '{}', {}, /not a list/],
    ['no JSON', '<html>', {}, /200: <html>/],
    ['no index', '[]', { 'x-consul-index': '' }, /no X-Consul-Index header/],
    ['no number for an index', '[]', { 'x-consul-index': '-1' }, /no X-Consul-Index header/],
    ['nulls', '[null]', {}, /./],
    ['a list emptied by ACLs', '[]', { 'x-consul-results-filtered-by-acls': 'true' }, /may not read/],
  ])('%s fails the watch', async (_, body, headers, reason) => {
    await using fake = await serve((_, response) => {
      response.writeHead(200, { 'x-consul-index': '1', ...headers }).end(body)
    })
    expect(String(await reader(consul({ url: fake.url }).watch('x', stop)).end())).toMatch(reason)
  })

  it.each([
    [404, 'Unknown check ID "x". Ensure that the check ID is passed, not the check name.', false],
    [500, 'CheckID "x" does not have associated TTL', false],
    [200, '', true],
  ])('%i %s to a heartbeat', async (status, text, known) => {
    await using fake = await serve((request, response) => {
      response.writeHead(request.url?.includes('/check/') ? status : 200).end(text)
    })
    const lease = await consul({ url: fake.url }).register('x', { url: 'http://10.0.0.1:80' }, unused)
    expect(await lease.renew(unused)).toBe(known)
  })

  it('a failure is no unknown check, and an unknown service is released', async () => {
    await using fake = await serve((request, response) => {
      const { url = '' } = request
      if (url.includes('/check/')) response.writeHead(500).end('No cluster leader')
      else response.writeHead(url.includes('/deregister/') ? 404 : 200).end('Unknown service ID')
    })
    const lease = await consul({ url: fake.url }).register('x', { url: 'http://10.0.0.1:80' }, unused)
    await expect(Promise.resolve(lease.renew(unused))).rejects.toThrow('No cluster leader')
    await lease.release(unused)
  })
})

describe('with ACLs', () => {
  const management = '11111111-2222-3333-4444-555555555555'
  const app = '66666666-7777-8888-9999-000000000000'
  let own: ConsulServer
  beforeAll(async () => {
    own = await startConsul({
      config: {
        acl: {
          enabled: true,
          default_policy: 'deny',
          tokens: { master: management, agent: management, default: management },
        },
      },
    })
    const env = { ...own.env, CONSUL_HTTP_TOKEN: management }
    const rules = 'service_prefix "" { policy = "write" } node_prefix "" { policy = "read" }'
    const acl = (...args: string[]): Promise<string> => tool('consul', ['acl', ...args], { env })
    await acl('policy', 'create', '-name', 'app', '-rules', rules)
    await acl('token', 'create', '-secret', app, '-policy-name', 'app')
  })
  afterAll(() => own.close())

  it('discovers and registers with the policy of the documentation', async () => {
    const registry = consul({ url: own.url, token: app })
    const lease = await registry.register('orders', { url: 'http://10.0.0.1:80' }, unused)
    const read = reader(registry.watch('orders', stop))
    let instances = await read.next()
    while (instances.length === 0) instances = await read.next()
    expect(await lease.renew(unused)).toBe(true)
    await lease.release(unused)
  })

  it('never shows the token in an error', async () => {
    const token = 'deadbeef-0000-0000-0000-000000000000'
    const registry = consul({ url: own.url, token })
    const errors = [
      await reader(registry.watch('orders', stop)).end(),
      await Promise.resolve(registry.register('orders', { url: 'http://10.0.0.1:80' }, unused)).catch(
        (error: unknown) => error,
      ),
    ]
    for (const error of errors) {
      expect(String(error)).toMatch(/403/)
      expect(shown(error)).not.toContain(token)
    }
    await using echo = await serve((request, response) => {
      response.writeHead(403).end(`who is ${String(request.headers['x-consul-token'])}?`)
    })
    const error = await reader(consul({ url: echo.url, token }).watch('x', stop)).end()
    expect(String(error)).toContain('who is ***?')
    expect(shown(error)).not.toContain(token)
    const refused = await reader(consul({ url: 'http://127.0.0.1:1', token }).watch('x', stop)).end()
    expect(shown(refused)).toContain('ECONNREFUSED')
    expect(shown(refused)).not.toContain(token)
  })
})

describe('over TLS', () => {
  it('shows its own certificate, and checks that of the server', async () => {
    const files = await certificates()
    const [cert, key] = [await readFile(files.path('server.crt')), await readFile(files.path('server.key'))]
    const handle: RequestListener = (_, response) => void response.setHeader('x-consul-index', '1').end('[]')
    const own = createServer({ cert, key, ca: files.ca, requestCert: true }, handle).listen(0, '127.0.0.1')
    try {
      await once(own, 'listening')
      const url = `https://127.0.0.1:${(own.address() as AddressInfo).port}`
      const known = { ca: files.ca, cert: files.clientCert, key: files.clientKey }
      expect(await reader(consul({ url, tls: known }).watch('x', stop)).next()).toEqual([])
      expect(await reader(consul({ url, tls: { ca: files.ca } }).watch('x', stop)).end()).toBeInstanceOf(
        Error,
      )
      expect(String(await reader(consul({ url }).watch('x', stop)).end())).toMatch(/certificate/)
    } finally {
      own.closeAllConnections()
      own.close()
      await files.close()
    }
  })
})

describe('leaves nothing behind', () => {
  it.each<number>([0, 1, 2])('aborted after %i answers', async (answers) => {
    await using proxy = await countingProxy(server.port)
    const clock = new ManualClock()
    const read = reader(consul({ url: proxy.url, clock }).watch(freshService(), stop))
    const first = read.next().catch(() => {})
    if (answers > 0) await first
    const end = answers === 1 ? undefined : read.end()
    if (answers === 2) await until(() => clock.timers === 1 && proxy.seen > 0)
    stop.abort()
    expect(await (end ?? read.end())).toBeUndefined()
    expect(clock.timers).toBe(0)
    await until(() => proxy.connections === 0)
  })

  it('aborted while it connects', async () => {
    await using mute = await silence()
    const read = reader(consul({ url: mute.url.replace('http', 'https') }).watch('x', stop))
    const end = read.end()
    await until(() => mute.connections === 1)
    stop.abort()
    expect(await end).toBeUndefined()
    await until(() => mute.connections === 0)
  })

  it('and keeps no process alive', async () => {
    const module = fileURLToPath(new URL('../../src/registry/consul.ts', import.meta.url))
    const script = `
      const { consul } = await import(${JSON.stringify(module)})
      const watch = consul({ url: '${server.url}' }).watch('x', { signal: new AbortController().signal })
      console.log((await watch.next()).value.length)
      watch.next()`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 })
    expect(stdout).toBe('0\n')
  })
})

describe('options', () => {
  it.each([
    [{ url: '127.0.0.1:8500' }, /url must be an http or https url/],
    [{ url: 'http://me:secret@a' }, /without credentials/],
    [{ token: '' }, /token must be a string that is not empty/],
    [{ wait: 60_001 }, /wait must be a number > 0 and <= 60000, got 60001/],
    [{ timeout: 0 }, /timeout must be/],
    [{ ttl: 1.5 }, /ttl must be an integer/],
    [{ deregisterAfter: '1m' }, /deregisterAfter must be a number/],
    [{ passing: 1 }, /passing must be true or false/],
    [{ stale: 'yes' }, /stale must be true or false/],
    [{ tag: '' }, /tag must be a string that is not empty/],
    [{ scheme: 'ftp' }, /scheme must be 'http' or 'https', got 'ftp'/],
    [{ tls: { pem: '' } }, /tls.pem is not an option/],
    [{ dc: 'x' }, /consul.dc is not an option/],
  ])('%j are refused', (options, message) => {
    const make = (): unknown => consul(options as unknown as Parameters<typeof consul>[0])
    expect(make).toThrow(message)
    expect(make).not.toThrow(/secret/)
  })

  it('a service without a name is refused', async () => {
    const registry = consul()
    expect(String(await reader(registry.watch('', stop)).end())).toMatch(/service must be/)
    await expect(Promise.resolve(registry.register('', { url: 'http://a' }, unused))).rejects.toThrow(
      /service must be/,
    )
  })
})
