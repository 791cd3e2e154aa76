import { expect, test } from 'vitest'
import { announce, createClient, MemoryRegistry, type Source } from '../../src/index.ts'
import { withRegistration } from '../../src/registry/registration.ts'
import { SnapshotReader } from '../../src/registry/snapshot.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const A = { url: 'http://a:80', metadata: { version: '1' } }

async function opened(source: Source): Promise<ReturnType<typeof createClient>> {
  const clock = new ManualClock()
  const breaker = { failureThreshold: 1, openFor: 60_000 }
  const client = createClient({ service: 'svc', source, clock, breaker, retry: false })
  await client.ready()
  const fails = (): Promise<never> => Promise.reject(new Error('down'))
  await expect(client.execute(fails)).rejects.toThrow('down')
  await expect(client.execute(() => Promise.resolve(1))).rejects.toThrow('svc')
  return client
}

/** Waits until watches have seen a change. */
const heard = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a process that registers again with the same data but another lease is probed at once', async () => {
  let changed = Promise.withResolvers<void>()
  let lease = 1
  const source: Source = {
    async *watch(_service, { signal }) {
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      while (!signal.aborted) {
        yield [withRegistration({ id: 'a', ...A }, `lease ${lease}`)]
        await Promise.race([changed.promise, aborted])
      }
    },
  }
  const tell = async (): Promise<void> => {
    changed.resolve()
    changed = Promise.withResolvers()
    await heard()
  }
  await using client = await opened(source)
  let changes = 0
  client.on('instance:changed', () => changes++)
  await tell()
  await expect(client.execute(() => Promise.resolve(1))).rejects.toThrow('svc')
  lease = 2
  await tell()
  expect(await client.execute(() => Promise.resolve(1))).toBe(1)
  expect(changes).toBe(0)
})

test('the snapshot reader keeps an unchanged instance until its lease changes', () => {
  const reader = new SnapshotReader()
  const entry = (lease?: string): object => withRegistration({ id: 'a', ...A }, lease)
  const [first] = reader.read([entry('1')]).instances
  expect(reader.read([entry('1')])).toMatchObject({ changed: false })
  // A registry that reports no registration, or a copy from a cache.
  expect(reader.read([entry()])).toMatchObject({ changed: false })
  const again = reader.read([entry('2')])
  expect(again.changed).toBe(true)
  expect(again.instances[0]).not.toBe(first)
  expect(again.instances[0]).toEqual(first)
  expect(reader.read([entry('2')]).instances[0]).toBe(again.instances[0])
})

test.each<[string, (registry: MemoryRegistry) => unknown, string]>([
  ['registers again is tried at once', (registry) => registry.register('svc', { id: 'a', ...A }), 'is tried'],
  [
    'leaves and registers before anybody has looked is tried at once',
    (registry) => [registry.deregister('svc', 'a'), registry.register('svc', { id: 'a', ...A })],
    'is tried',
  ],
  ['beats is not tried', (registry) => registry.heartbeat('svc', 'a'), 'is not tried'],
])('a MemoryRegistry instance that %s', async (_how, comeBack, expected) => {
  const registry = new MemoryRegistry()
  registry.register('svc', { id: 'a', ...A })
  await using client = await opened(registry)
  comeBack(registry)
  await heard()
  const tried = client.execute(() => Promise.resolve('is tried'))
  expect(await tried.catch(() => 'is not tried')).toBe(expected)
})

test('an instance that is announced again is probed at once', async () => {
  const registry = new MemoryRegistry()
  const before = await announce(registry, 'svc', { id: 'a', ...A })
  await using client = await opened(registry)
  const after = await announce(registry, 'svc', { id: 'a', ...A })
  await heard()
  expect(await client.execute(() => Promise.resolve('is tried'))).toBe('is tried')
  await Promise.all([before.close(), after.close()])
})
