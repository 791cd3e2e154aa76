import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { cached, type CachedOptions } from '../../src/registry/combine.ts'
import { file as fileSource } from '../../src/registry/file.ts'
import type { Source } from '../../src/registry/source.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { sourceSuite } from '../../src/testing/source-suite.ts'
import { HandSource, instance, record, type Recording } from './combine-support.ts'
import { waitFor } from '../support/wait-for.ts'

// A case of the suite waits up to 10 s for a change, several times.
vi.setConfig({ testTimeout: 30_000 })

let root = ''
let folder = ''
let path = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'outrigger-cached-'))
})
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'test-'))
  path = join(folder, 'deep', 'instances.json')
})
// Only at the end, because the tests write in the background.
afterAll(() => rm(root, { recursive: true, maxRetries: 10 }))

function start(
  source: Source,
  options: Partial<CachedOptions> = {},
  service = 'users',
): { clock: ManualClock; recording: Recording } {
  const clock = new ManualClock()
  const recording = record(cached(source, { file: path, clock, ...options }), service)
  onTestFinished(() => recording.abort())
  return { clock, recording }
}

test('two caches of one process can share a file without losing each other’s changes', async () => {
  const services = ['a', 'b', 'c']
  for (const service of services) {
    const source = new HandSource()
    start(source, {}, service)
    await waitFor(() => source.push(service))
  }
  await waitFor(async () => {
    expect(Object.keys(JSON.parse(await readFile(path, 'utf8')) as object).toSorted()).toEqual(services)
  })
})

test('changes that could not be written are written the next time', async () => {
  await writeFile(dirname(path), 'in the way')
  const [a, b] = [new HandSource(), new HandSource()]
  const errors: unknown[] = []
  const onError = (error: unknown): number => errors.push(error)
  start(a, { onError }, 'a')
  start(b, { onError }, 'b')
  // Neither can read the cache file.
  await waitFor(() => expect(errors).toHaveLength(2))
  a.push('a')
  await waitFor(() => expect(errors).toHaveLength(3))
  await rm(dirname(path))
  b.push('b')
  await waitFor(async () => {
    expect(Object.keys(JSON.parse(await readFile(path, 'utf8')) as object).toSorted()).toEqual(['a', 'b'])
  })
})

async function keep(content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}

const kept = async (): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'))

/** Waits for file operations, and for what they start. */
async function until(clock: ManualClock, check: () => unknown): Promise<void> {
  await waitFor(async () => {
    await clock.advance(0)
    await check()
  })
}

test('a process that starts while the registry is down uses the file of an earlier process', async () => {
  const before = new HandSource()
  const first = start(before)
  before.push('a', 'b')
  await until(first.clock, async () =>
    expect(await kept()).toEqual({ users: [instance('a'), instance('b')].map(canonical) }),
  )
  first.recording.abort()

  const after = new HandSource()
  const { clock, recording } = start(after)
  after.now.fail(new Error('down'))
  await until(clock, () => expect(recording.ids).toEqual([['a', 'b']]))
  // The registry is retried in the background.
  await clock.advance(60_000)
  expect(recording).toMatchObject({ ids: [['a', 'b']], done: false })
  after.push('c')
  await clock.advance(0)
  expect(recording.ids).toEqual([['a', 'b'], ['c']])
  for (const id of ['d', 'e']) {
    after.push(id)
    await until(clock, async () => expect(await kept()).toEqual({ users: [canonical(instance(id))] }))
  }
})

test('the file is not used when the registry answers in time', async () => {
  await keep(JSON.stringify({ users: [instance('old')] }))
  const source = new HandSource()
  const { clock, recording } = start(source, { patience: 100 })
  await clock.advance(99)
  source.push('new')
  await until(clock, async () => expect(await kept()).toEqual({ users: [canonical(instance('new'))] }))
  await clock.advance(60_000)
  expect(recording.ids).toEqual([['new']])
})

test('the file is used when the registry is silent for patience', async () => {
  await keep(JSON.stringify({ users: [instance('old')] }))
  const source = new HandSource()
  const { clock, recording } = start(source, { patience: 100 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await clock.advance(99)
  expect(recording.ids).toEqual([])
  await clock.advance(1)
  await until(clock, () => expect(recording.ids).toEqual([['old']]))
})

test.each([
  ['missing', undefined, 0],
  ['corrupt', '{ "users": [', 1],
  ['no object', '[]', 1],
  ['without the service', '{ "orders": [] }', 0],
  ['of the wrong shape', '{ "users": 7 }', 1],
  ['full of garbage', '{ "users": [7, null, { "url": "nonsense" }] }', 0],
])('a file that is %s is ignored, and the registry’s error is reported', async (_what, content, errors) => {
  if (content !== undefined) await keep(content)
  const onError = vi.fn<(error: unknown, service: string) => void>()
  const source = new HandSource()
  const { clock, recording } = start(source, { onError })
  source.now.fail(new Error('down'))
  await until(clock, () => expect(recording.error).toEqual(new Error('down')))
  expect(onError).toHaveBeenCalledTimes(1 + errors)
})

test('the next good answer replaces a corrupt file, and the valid entries of a partly invalid file are used', async () => {
  await keep('{ "users": [')
  const source = new HandSource()
  const { clock, recording } = start(source)
  source.push('a')
  await until(clock, async () => expect(await kept()).toEqual({ users: [canonical(instance('a'))] }))
  recording.abort()

  await keep(JSON.stringify({ users: [7, instance('b')] }))
  const next = new HandSource()
  const again = start(next)
  next.now.fail(new Error('down'))
  await until(again.clock, () => expect(again.recording.ids).toEqual([['b']]))
})

test('an empty answer is used, but is not written to the file', async () => {
  const source = new HandSource()
  const clock = new ManualClock()
  const whole = cached(source, { file: path, clock })
  const recording = record(whole)
  onTestFinished(() => recording.abort())
  source.push('a')
  await until(clock, async () => expect(await kept()).toBeDefined())
  source.push()
  await clock.advance(0)
  source.push()
  await until(clock, () => expect(recording.ids).toEqual([['a'], []]))
  const other = record(whole, 'orders')
  onTestFinished(() => other.abort())
  source.push('b')
  // Writes keep their order.
  const both = { users: [canonical(instance('a'))], orders: [canonical(instance('b'))] }
  await until(clock, async () => expect(await kept()).toEqual(both))
})

test('services share the file, and entries of other processes stay', async () => {
  await keep(JSON.stringify({ reports: [instance('r')] }))
  const source = new HandSource()
  const whole = cached(source, { file: path })
  for (const service of ['users', 'orders', '__proto__']) {
    const recording = record(whole, service)
    onTestFinished(() => recording.abort())
    source.push(`${service}-1`)
  }
  await waitFor(async () => {
    const content = (await kept()) as Record<string, unknown>
    expect(Object.keys(content).toSorted()).toEqual(['__proto__', 'orders', 'reports', 'users'])
  })
})

test('of many answers only the newest must be written, and no temporary file stays', async () => {
  const source = new HandSource()
  const { clock } = start(source)
  for (let i = 0; i < 50; i++) {
    source.push(`a${i}`)
    await clock.advance(0)
  }
  await until(clock, async () => expect(await kept()).toEqual({ users: [canonical(instance('a49'))] }))
  expect(await readdir(dirname(path))).toEqual(['instances.json'])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('a file that cannot be written only causes a call of onError', async () => {
  await writeFile(join(folder, 'deep'), 'not a folder')
  const onError = vi.fn<(error: unknown, service: string) => void>()
  const source = new HandSource()
  const { clock, recording } = start(source, { onError })
  source.push('a')
  await until(clock, () => expect(onError.mock.calls.length).toBeGreaterThan(1))
  source.push('b')
  await clock.advance(0)
  expect(recording.ids).toEqual([['a'], ['b']])
})

test('later failures of the registry do not use the file', async () => {
  const source = new HandSource()
  const { clock, recording } = start(source)
  source.push('a')
  await until(clock, () => expect(recording.ids).toEqual([['a']]))
  source.now.fail(new Error('down'))
  await clock.advance(600_000)
  expect(recording).toMatchObject({ ids: [['a']], done: false })
  expect(source.watches).toHaveLength(2)
})

test('the file source reads the cache', async () => {
  const source = new HandSource()
  const { clock } = start(source)
  source.push('a')
  await until(clock, async () => expect(await kept()).toBeDefined())
  const recording = record(fileSource(path))
  await waitFor(() => expect(recording.ids).toEqual([['a']]))
  recording.abort()
})

test.each(['throws at once', 'is deaf', 'never says anything'])(
  'a source that %s leaves nothing behind',
  async (what) => {
    await keep(JSON.stringify({ users: [instance('old')] }))
    const deaf = new HandSource({ deaf: true })
    const source: Source =
      what === 'throws at once'
        ? {
            watch: () => {
              throw new Error('sync')
            },
          }
        : deaf
    const { clock, recording } = start(source)
    await clock.advance(2_000)
    await until(clock, () => expect(recording.ids).toEqual([['old']]))
    recording.abort()
    await recording.ended
    await clock.advance(2_000)
    expect(clock.timers).toBe(0)
  },
)

describe('a cached source behaves like any other source', () => {
  const registry = new MemoryRegistry()
  sourceSuite(test, {
    source: () => cached(registry, { file: path }),
    set: async (service, instances) => {
      const keep = new Set(instances.map(({ id }) => id))
      for (const { id } of registry.discover(service)) if (!keep.has(id)) registry.deregister(service, id)
      for (const entry of instances) registry.register(service, entry)
    },
  })
})

test('emptyGrace is that of its source', () => {
  expect(cached(new HandSource({ emptyGrace: 7 }), { file: path }).emptyGrace).toBe(7)
  expect('emptyGrace' in cached(new HandSource(), { file: path })).toBe(false)
})

test.each([
  [[7, { file: 'x' }], 'cached() source must have a method watch(), got 7'],
  [[new HandSource()], 'cached must be an object, got undefined'],
  [[new HandSource(), {}], 'cached.file must be a path, got undefined'],
  [[new HandSource(), { file: '' }], "cached.file must be a path, got ''"],
  [[new HandSource(), { file: 'x', path: 'y' }], 'cached.path is not an option'],
  [[new HandSource(), { file: 'x', patience: '1' }], "cached.patience must be a number, got '1'"],
])('refuses %#', (args, message) => {
  expect(() => (cached as (...args: readonly unknown[]) => Source)(...args)).toThrow(message)
})

/** The instance after validation: the default port 80 of http is omitted. */
function canonical<T extends { readonly url: string }>(entry: T): T {
  return { ...entry, url: new URL(entry.url).origin }
}
