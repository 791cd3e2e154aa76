import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Discovery } from '../../src/registry/discovery.ts'
import { redis, type RedisClient } from '../../src/registry/redis.ts'
import type { Instance } from '../../src/registry/source.ts'
import { registrarSuite, sourceSuite } from '../../src/testing/source-suite.ts'
import { runTool, startRedis, type TestServer } from '../support/servers/index.ts'
import { reader } from './fake-http.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const unused = { signal: new AbortController().signal }
const quick = { poll: 200, timeout: 400 }

let server: TestServer
let stop: AbortController
let count = 0

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(() => {
  stop = new AbortController()
})
afterEach(() => stop.abort())

const freshService = (): string => `service-${count++}`
const cli = (...args: string[]): Promise<string> =>
  runTool('redis-cli', ['-h', '127.0.0.1', '-p', String(server.port), ...args])

/** By the command line, as any other program would. */
async function set(service: string, instances: readonly Instance[]): Promise<void> {
  const key = `services:{${service}}`
  const script = `
    redis.call('DEL', KEYS[1], KEYS[2])
    for i = 1, #ARGV, 2 do
      redis.call('ZADD', KEYS[1], '+inf', ARGV[i])
      redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    end`
  const all = instances.flatMap((instance) => [instance.id, JSON.stringify(instance)])
  await cli('EVAL', script, '2', key, `${key}:data`, ...all)
}

async function list(service: string): Promise<Instance[]> {
  const script = `
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local answer = {}
    for i, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do
      answer[i] = redis.call('HGET', KEYS[1] .. ':data', id)
    end
    return answer`
  const output = await cli('EVAL', script, '1', `services:{${service}}`)
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Instance)
}

const controls = {
  kill: () => server.kill(),
  restart: ({ data }: { data: boolean }) => server.restart({ keepData: data }),
  freeze: async () => server.freeze(),
  thaw: async () => server.thaw(),
}

/** Both clients there are, made as their documentation says. */
const clients: Record<string, () => Promise<{ client: RedisClient; end: () => void }>> = {
  ioredis: async () => {
    const client = new Redis(server.port, '127.0.0.1', { maxRetriesPerRequest: 1, retryStrategy: () => 100 })
    client.on('error', () => {})
    return { client, end: () => client.disconnect() }
  },
  redis: async () => {
    const client = createClient({ url: server.url, socket: { reconnectStrategy: 100 } })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.destroy() }
  },
}

describe.each(Object.entries(clients))('with a client of %s', (_, connect) => {
  let client: RedisClient
  let end: () => void
  beforeAll(async () => {
    ;({ client, end } = await connect())
  })
  afterAll(() => end())

  describe('every source', () => {
    sourceSuite(it, { source: () => redis({ client, ...quick }), set, server: controls })
  })

  describe('every registrar', () => {
    registrarSuite(it, {
      registrar: () => redis({ client, ttl: 1_000, ...quick }),
      list,
      forget: async (service, id) => void (await cli('ZREM', `services:{${service}}`, id)),
      server: controls,
    })
  })

  it('hears of changes at once, not only by its poll', async () => {
    const registry = redis({ client, poll: 60_000 })
    const service = freshService()
    const read = reader(registry.watch(service, stop))
    expect(await read.next()).toEqual([])
    const lease = await registry.register(service, { url: 'http://10.0.0.1:80' }, unused)
    let found: readonly Instance[] = []
    while (found.length === 0) found = await read.next()
    await lease.release(unused)
    while (found.length > 0) found = await read.next()
  })

  it('notices when a registration expires, not only by its poll', async () => {
    const registry = redis({ client, poll: 60_000, ttl: 500 })
    const service = freshService()
    await registry.register(service, { url: 'http://10.0.0.1:80' }, unused)
    const read = reader(registry.watch(service, stop))
    let found = await read.next()
    expect(found).toHaveLength(1)
    while (found.length > 0) found = await read.next()
    // Nothing of a service that is gone stays behind.
    await expect.poll(() => cli('KEYS', `*${service}*`)).toBe('\n')
  })

  it('opens one connection for the hints of all watches, and none when nothing is watched', async () => {
    const connections = async (): Promise<number> => (await cli('CLIENT', 'LIST')).trim().split('\n').length
    const before = await connections()
    const registry = redis({ client, ...quick })
    const reads = Array.from({ length: 20 }, (_, n) => reader(registry.watch(`none-${n}`, stop)))
    await Promise.all(reads.map((read) => read.next()))
    await expect.poll(connections).toBe(before + 1)
    stop.abort()
    await Promise.all(reads.map((read) => read.end()))
    await expect.poll(connections).toBe(before)
  })

  it('reports one bad entry and goes on with the others', async () => {
    const service = freshService()
    await set(service, [{ id: 'a', url: 'http://10.0.0.1:80' }])
    await cli('ZADD', `services:{${service}}`, '+inf', 'b')
    await cli('HSET', `services:{${service}}:data`, 'b', '{"url":')
    await cli('ZADD', `services:{${service}}`, '+inf', 'c')
    const rejected: string[] = []
    const discovery = new Discovery({
      source: redis({ client, ...quick }),
      service,
      onInstances: () => {},
      onInvalid: (all) => rejected.push(...all.map(({ reason }) => reason)),
    })
    discovery.start()
    await discovery.ready
    await discovery.close()
    expect(discovery.instances.map(({ id }) => id)).toEqual(['a'])
    expect(rejected).toEqual([
      'b cannot be decoded: SyntaxError: it is not valid JSON',
      expect.stringContaining('url'),
    ])
  })

  it('takes nothing away that another has registered since under its id', async () => {
    const registry = redis({ client })
    const service = freshService()
    const older = await registry.register(service, { id: 'a', url: 'http://10.0.0.1:8080' }, unused)
    const newer = await registry.register(service, { id: 'a', url: 'http://10.0.0.2:8080' }, unused)
    expect(await older.renew(unused)).toBe(false)
    await older.release(unused)
    expect(await newer.renew(unused)).toBe(true)
    expect((await list(service)).map(({ url }) => url)).toEqual(['http://10.0.0.2:8080'])
    await newer.release(unused)
  })
})

describe('options', () => {
  it.each([
    [{}, /client must be a client of the package ioredis or redis, got undefined/],
    [{ client: { duplicate: () => {} } }, /client must be a client/],
    [
      { client: { duplicate: () => {}, call: () => {} }, prefix: 'a{b}' },
      /prefix must be a string without braces/,
    ],
    [{ client: { duplicate: () => {}, call: () => {} }, ttl: 5 }, /ttl must be/],
    [{ client: { duplicate: () => {}, call: () => {} }, url: '' }, /redis.url is not an option/],
  ])('%j are refused', (options, message) => {
    expect(() => redis(options as unknown as Parameters<typeof redis>[0])).toThrow(message)
  })
})
