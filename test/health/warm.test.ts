import { expect, test } from 'vitest'
import { createClient, type Instance, MemoryRegistry } from '../../src/index.ts'
import type { LiveEndpoint } from '../../src/fleet/endpoint.ts'
import { Harness } from '../fleet/harness.ts'
import { ok, startServer } from '../support/http-server.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { startBlackhole } from '../support/child.ts'
import { cert, startSecureServer } from '../support/tls.ts'
import { until } from '../support/until.ts'

/** A fleet whose warming ends when the test ends it. */
function warmed(): { harness: Harness; asked: string[]; finish(id: string): Promise<void> } {
  const asked: string[] = []
  const waiting = new Map<string, () => void>()
  const warmUp = ({ instance: { id } }: LiveEndpoint): Promise<void> => {
    asked.push(id)
    return new Promise((resolve) => waiting.set(id, resolve))
  }
  const finish = async (id: string): Promise<void> => {
    waiting.get(id)?.()
    await Promise.resolve()
    await Promise.resolve()
  }
  return { harness: new Harness({ warmUp }), asked, finish }
}

test('a new instance gets its first call once it is warm', async () => {
  const { harness, asked, finish } = warmed()
  harness.apply('a')
  expect(asked).toEqual([])
  harness.run()
  harness.apply('b', 'a')
  expect(asked).toEqual(['b'])
  expect(harness.run()).toBe('a')
  await finish('b')
  expect(harness.run()).toBe('b')
})

test('an instance that cannot be warmed is held back for at most a second, without a timer', async () => {
  const { harness } = warmed()
  harness.apply('a')
  harness.run()
  harness.apply('b', 'a')
  await harness.clock.advance(999)
  expect(harness.run()).toBe('a')
  expect(harness.clock.timers).toBe(0)
  await harness.clock.advance(1)
  expect(harness.run()).toBe('b')
})

test('it is not held back when no better one is available, or when most instances are new', () => {
  const { harness } = warmed()
  harness.apply('a')
  harness.run()
  harness.apply('b', { id: 'a', url: 'http://a:80', draining: true })
  expect(harness.run()).toBe('b')

  const swap = warmed().harness
  swap.apply('a', 'b')
  swap.run()
  swap.apply('c', 'd', 'a')
  expect(swap.run()).toBe('c')
})

test('no connection is opened for a service without calls', async () => {
  const { harness, asked } = warmed()
  harness.apply('a')
  harness.apply('b', 'a')
  harness.run()
  await harness.clock.advance(60_001)
  harness.apply('c', 'b', 'a')
  expect(asked).toEqual([])
})

test('at most eight instances are warmed at a time, and none that has left', async () => {
  const { harness, asked, finish } = warmed()
  const old = Array.from({ length: 20 }, (_, index) => `old${index}`)
  const fresh = Array.from({ length: 12 }, (_, index) => `new${index}`)
  harness.apply(...old)
  harness.run()
  harness.apply(...old, ...fresh)
  expect(asked).toHaveLength(8)
  harness.apply(...old, ...fresh.slice(0, 8), 'new11')
  await finish('new0')
  expect(asked.slice(8)).toEqual(['new11'])
})

test('once it is turned off, nothing more is opened, and who waited gets calls', async () => {
  const { harness, asked, finish } = warmed()
  const old = Array.from({ length: 20 }, (_, index) => `old${index}`)
  const fresh = Array.from({ length: 12 }, (_, index) => `new${index}`)
  harness.apply(...old)
  harness.run()
  harness.apply(...fresh, ...old)
  harness.fleet.reconfigure({ ...harness.fleet.policy, warmUp: undefined })
  expect(harness.run()).toBe('new8')
  for (const id of asked.slice()) await finish(id)
  expect(asked).toEqual(fresh.slice(0, 8))
  expect(harness.run()).toBe('new0')
})

const instanceOf = (id: string, url: string): Instance => ({ id, url })

test('opens connections and sends nothing, and calls use these connections', async () => {
  await using a = await startServer(ok)
  await using b = await startServer(ok)
  const registry = new MemoryRegistry()
  registry.register('svc', instanceOf('a', a.url))
  await using client = createClient({
    service: 'svc',
    source: registry,
    warm: 3,
    balance: (list) => list.at(-1),
  })
  await (await client('/')).text()
  expect(a.connections).toBe(1)
  registry.register('svc', instanceOf('b', b.url))
  await until(() => b.connections === 3)
  expect(b.requests).toEqual([])
  await until(() => client.snapshot().instances.length === 2)
  await Promise.all([1, 2, 3].map(async () => (await client('/')).text()))
  await until(() => b.requests.length > 0)
  expect(b.connections).toBe(3)
})

test('also makes TLS handshakes, with the logical name', async () => {
  await using a = await startSecureServer()
  await using b = await startSecureServer()
  const registry = new MemoryRegistry()
  registry.register('user-service', instanceOf('a', a.url))
  await using client = createClient({
    service: 'user-service',
    source: registry,
    warm: 1,
    transport: { connect: { ca: cert } },
    balance: (list) => list.at(-1),
  })
  const call = async (): Promise<unknown> => (await client('/', { method: 'POST', body: 'x' })).text()
  await call()
  registry.register('user-service', instanceOf('b', b.url))
  while (b.seen.length === 0) await call()
  expect(b.seen[0]).toContain('user-service')
})

test('an instance that accepts no connection delays neither calls nor close()', async () => {
  await using a = await startServer(ok)
  await using hole = await startBlackhole()
  const registry = new MemoryRegistry()
  registry.register('svc', instanceOf('a', a.url))
  const client = createClient({ service: 'svc', source: registry, warm: 2, drainTimeout: 100 })
  await (await client('/')).text()
  registry.register('svc', instanceOf('hole', hole.url))
  await until(() => client.snapshot().instances.length === 2)
  for (let call = 0; call < 5; call++) await (await client('/')).text()
  expect(a.requests).toHaveLength(6)
  await client.close()
})

test('explain() shows it', async () => {
  await using a = await startServer(ok)
  await using hole = await startBlackhole()
  const clock = new ManualClock()
  const registry = new MemoryRegistry({ clock })
  registry.register('svc', instanceOf('a', a.url))
  await using client = createClient({ service: 'svc', source: registry, warm: 1, drainTimeout: 0, clock })
  await (await client('/')).text()
  registry.register('svc', instanceOf('hole', hole.url))
  await until(() => client.snapshot().instances.length === 2)
  const told = (): unknown =>
    client.explain().instances.map(({ id, mayBePicked, why }) => `${id} ${mayBePicked} ${why}`)
  expect(told()).toEqual(['a true may be picked', 'hole false new, its connections are being opened'])
  await clock.advance(1_000)
  expect(told()).toEqual(['a true may be picked', 'hole true may be picked'])
})

test.each<[unknown, string]>([
  [-1, 'warm must be an integer >= 0'],
  [1.5, 'warm must be an integer'],
  ['2', "warm must be a number, got '2'"],
  [1_000, '<= 100'],
])('refuses %j', (warm, message) => {
  const make = (): unknown =>
    createClient({ service: 'svc', source: new MemoryRegistry(), warm: warm as number })
  expect(make).toThrow(message)
})
