import zk, { type Client } from 'node-zookeeper-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Discovery } from '../../src/registry/discovery.ts'
import { announce } from '../../src/registry/announce.ts'
import type { Instance } from '../../src/registry/source.ts'
import { zookeeper } from '../../src/registry/zookeeper.ts'
import { curator, dubbo } from '../../src/registry/zookeeper/layout.ts'
import { registrarSuite, sourceSuite } from '../../src/testing/source-suite.ts'
import { startZooKeeper, type TestServer } from '../support/servers/index.ts'
import { reader } from './fake-http.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const unused = { signal: new AbortController().signal }
const quick = { poll: 300, timeout: 500 }

let server: TestServer
let stop: AbortController
let count = 0
const opened: Client[] = []

beforeAll(async () => {
  server = await startZooKeeper()
})
afterAll(async () => {
  for (const client of opened) client.close()
  await server.close()
})
beforeEach(() => {
  stop = new AbortController()
})
afterEach(() => stop.abort())

const freshService = (): string => `service-${count++}`

function connect(sessionTimeout = 2_000): Client {
  const client = zk.createClient(server.url, { sessionTimeout, spinDelay: 100 })
  client.connect()
  opened.push(client)
  return client
}

/** As another program would: on a client of its own, which has nothing to do with the code under test. */
let other: Client | undefined
function otherClient(): Client {
  if (!other) {
    other = connect(10_000)
    other.once('expired', () => (other = undefined))
  }
  return other
}

function forsakeOther(): void {
  other?.close()
  other = undefined
}

/** Goes on trying while the server comes back. */
async function ask<T>(
  call: (client: Client, done: (error: Error | null, result: T) => void) => void,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await new Promise<T>((resolve, reject) => {
        call(otherClient(), (error, result) => (error ? reject(error) : resolve(result)))
        // The client forgets some of what it was asked while it had no connection.
        setTimeout(() => {
          reject(new Error('SESSION_EXPIRED: no answer'))
        }, 3_000).unref()
      })
    } catch (error) {
      if (/no answer/.test(String(error))) forsakeOther()
      if (tries > 100 || !/CONNECTION_LOSS|SESSION_EXPIRED/.test(String(error))) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

const layouts = { curator, dubbo }
const roots = { curator: '/discovery', dubbo: '/dubbo' }

/** One function for all reads: the client keeps each one that it is given. */
const noWatch = (): void => {}

async function children(parent: string): Promise<string[]> {
  try {
    return await ask<string[]>((client, done) => client.getChildren(parent, noWatch, done))
  } catch (error) {
    if (/NO_NODE/.test(String(error))) return []
    throw error
  }
}

async function put(path: string, data: string): Promise<void> {
  try {
    await ask<unknown>((client, done) =>
      client.create(path, Buffer.from(data), (error) => done(error, undefined)),
    )
  } catch (error) {
    if (!/NODE_EXISTS/.test(String(error))) throw error
    await ask<unknown>((client, done) => client.setData(path, Buffer.from(data), done))
  }
}

function harness(name: 'curator' | 'dubbo') {
  const layout = layouts[name]
  const parentOf = (service: string): string => layout.parent(roots[name], service)
  const remove = (path: string): Promise<unknown> =>
    ask((client, done) => client.remove(path, (error) => done(error, undefined))).catch((error: unknown) => {
      if (!/NO_NODE/.test(String(error))) throw error
    })
  return {
    parentOf,
    set: async (service: string, instances: readonly Instance[]): Promise<void> => {
      const parent = parentOf(service)
      await ask((client, done) => client.mkdirp(parent, done))
      const wanted = instances.map((instance) => layout.nameOf(service, instance))
      const gone = (await children(parent)).filter((child) => !wanted.includes(child))
      for (const child of gone) await remove(`${parent}/${child}`)
      await Promise.all(
        instances.map((each) =>
          put(`${parent}/${layout.nameOf(service, each)}`, layout.dataOf(service, each, 0)),
        ),
      )
    },
    list: async (service: string): Promise<Instance[]> => {
      const parent = parentOf(service)
      const names = await children(parent)
      const data = await Promise.all(
        names.map((child) =>
          ask<Buffer | undefined>((client, done) =>
            client.getData(`${parent}/${child}`, noWatch, done),
          ).catch(() => undefined),
        ),
      )
      return names.flatMap((child, at) => {
        const text = data[at]?.toString() ?? ''
        if (text === '' && !layout.nameOnly) return []
        return layout.read(child, text) ?? []
      })
    },
    forget: async (service: string, id: string): Promise<void> => {
      const parent = parentOf(service)
      for (const child of await children(parent)) {
        if (decodeURIComponent(child).includes(id)) await remove(`${parent}/${child}`)
      }
    },
  }
}

const controls = {
  kill: () => server.kill(),
  restart: async ({ data }: { data: boolean }) => {
    await server.restart({ keepData: data })
    // A server that lost its data refuses who has seen more than it has.
    if (!data) forsakeOther()
  },
  freeze: async () => server.freeze(),
  thaw: async () => server.thaw(),
}

describe.each(['curator', 'dubbo'] as const)('in the layout of %s', (layout) => {
  const { set, list, forget, parentOf } = harness(layout)
  const client = (): Client => connect()

  describe('every source', () => {
    sourceSuite(it, {
      source: () => zookeeper({ client, layout, ...quick }),
      set,
      server: controls,
      many: 300,
      bound: 20_000,
    })
  })

  describe('every registrar', () => {
    registrarSuite(it, {
      registrar: () => zookeeper({ client, layout, ttl: 1_500, ...quick }),
      list,
      forget,
      server: controls,
      bound: 20_000,
    })
  })

  it('reports one bad entry and goes on with the others', async () => {
    const service = freshService()
    await set(service, [{ id: 'a', url: 'http://10.0.0.1:8080' }])
    await put(`${parentOf(service)}/%E0%A4%A`, '{"address":')
    const rejected: string[] = []
    const discovery = new Discovery({
      source: zookeeper({ client, layout, ...quick }),
      service,
      onInstances: () => {},
      onInvalid: (all) => rejected.push(...all.map(({ reason }) => reason)),
    })
    discovery.start()
    await discovery.ready
    await discovery.close()
    expect(discovery.instances.map(({ id }) => id)).toEqual(['a'])
    expect(rejected).toEqual([expect.stringContaining('cannot be decoded')])
  })
})

describe('a session', () => {
  it('that expires is replaced: the instance is registered again, and watched on', async () => {
    const clients: Client[] = []
    const client = (): Client => {
      const made = connect(1_000)
      clients.push(made)
      return made
    }
    const registry = zookeeper({ client, ttl: 3_000, poll: 300, timeout: 1_000 })
    const service = freshService()
    const me = await announce(
      registry,
      service,
      { url: 'http://10.0.0.1:8080' },
      {
        onError: () => {},
        backoff: { initial: 50, max: 200 },
      },
    )
    const urls: string[][] = []
    const discovery = new Discovery({
      source: registry,
      service,
      onInstances: (all) => urls.push(all.map(({ url }) => url)),
      backoff: { initial: 50, max: 200 },
    })
    discovery.start()
    await expect.poll(() => urls.at(-1), { timeout: 10_000 }).toEqual(['http://10.0.0.1:8080'])
    // The server refuses the client, for it has seen more than there is now: the session is given up for lost.
    await controls.restart({ data: false })
    const { list } = harness('curator')
    await expect.poll(async () => (await list(service)).length, { timeout: 20_000 }).toBe(1)
    expect(clients).toHaveLength(2)
    expect(urls.at(-1)).toEqual(['http://10.0.0.1:8080'])
    await me.close()
    await discovery.close()
  })

  it('of a single client that has expired says what to do', async () => {
    const client = connect(1_000)
    const registry = zookeeper({ client, ...quick })
    await reader(registry.watch(freshService(), stop)).next()
    // What it says when its session has expired.
    client.emit('expired')
    const error = await reader(registry.watch(freshService(), stop)).end()
    expect(String(error)).toMatch(
      /the session has expired and its client is unusable; set client to a function/,
    )
  })

  it('that ends takes the instance with it, as the death of its process does', async () => {
    const client = connect(1_000)
    const service = freshService()
    await zookeeper({ client, ttl: 60_000 }).register(service, { url: 'http://10.0.0.1:8080' }, unused)
    const { list } = harness('curator')
    expect(await list(service)).toHaveLength(1)
    client.close()
    await expect.poll(() => list(service), { timeout: 10_000 }).toEqual([])
  })
})

describe('what others register', () => {
  it('with Spring Cloud Zookeeper is read', async () => {
    const read = (more: object): Instance | undefined =>
      curator.read(
        'x',
        JSON.stringify({
          name: 'orders',
          id: 'a1',
          address: 'orders.internal',
          port: 8080,
          sslPort: null,
          payload: { '@class': 'x', metadata: { instance_status: 'UP', zone: 'a' } },
          serviceType: 'DYNAMIC',
          ...more,
        }),
      )
    expect(read({})).toMatchObject({ id: 'a1', url: 'http://orders.internal:8080', zone: 'a' })
    expect(read({ sslPort: 8443 })?.url).toBe('https://orders.internal:8443')
    expect(read({ payload: null, address: '::1' })?.url).toBe('http://[::1]:8080')
    expect(read({ enabled: false })).toBeUndefined()
  })

  it('with Dubbo is read where it speaks HTTP', () => {
    const read = (url: string): Instance | undefined => dubbo.read(encodeURIComponent(url), '')
    expect(read('tri://10.0.0.1:50051/com.Foo?application=shop&weight=200')).toEqual({
      id: 'tri://10.0.0.1:50051',
      url: 'http://10.0.0.1:50051',
      weight: 2,
      metadata: { application: 'shop' },
    })
    expect(read('dubbo://10.0.0.1:20880/com.Foo')).toBeUndefined()
    expect(read('rest://10.0.0.1:8080/com.Foo?disabled=true')).toBeUndefined()
  })
})

describe('options', () => {
  it.each([
    [{}, /client must have a method getChildren/],
    [{ client: () => {}, layout: 'eureka' }, /layout must be 'curator' or 'dubbo', got 'eureka'/],
    [{ client: () => {}, root: 'x/' }, /root must be a path like/],
    [{ client: () => {}, ttl: 0 }, /ttl must be/],
    [{ client: () => {}, hosts: '' }, /zookeeper.hosts is not an option/],
  ])('%j are refused', (options, message) => {
    expect(() => zookeeper(options as unknown as Parameters<typeof zookeeper>[0])).toThrow(message)
  })
})
