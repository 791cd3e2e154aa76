import { spawn } from 'node:child_process'
import { once } from 'node:events'
import nodeFs from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
  type Mock,
} from 'vitest'
import { Discovery } from '../../src/registry/discovery.ts'
import { file, type FileOptions } from '../../src/registry/file.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { sourceSuite } from '../../src/testing/source-suite.ts'
import { record, type Recording } from './combine-support.ts'
import { waitFor } from '../support/wait-for.ts'

// A case of the suite waits up to 10 s for a change, several times.
vi.setConfig({ testTimeout: 30_000 })

// Not vi.mock: another test file of this worker may have loaded the source before.
const opened: { close: Mock<() => void> }[] = []
const { watch } = nodeFs
beforeAll(() => {
  nodeFs.watch = ((...args: Parameters<typeof watch>) => {
    const watcher = watch(...args)
    opened.push({ close: vi.spyOn(watcher, 'close') })
    return watcher
  }) as typeof watch
  syncBuiltinESMExports()
})
afterAll(() => {
  nodeFs.watch = watch
  syncBuiltinESMExports()
})

let folder = ''
let path = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrigger-file-'))
  path = join(folder, 'instances.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const text = (...urls: readonly string[]): string => JSON.stringify({ users: urls })

function start(options: FileOptions = {}, service = 'users', from: string | URL = path): Recording {
  const recording = record(file(from, { debounce: 5, ...options }), service)
  onTestFinished(() => recording.abort())
  return recording
}

function urls(recording: Recording): string[] {
  return ((recording.values.at(-1) ?? []) as readonly Instance[]).map(({ url }) => url)
}

async function replace(content: string, to = path): Promise<void> {
  await writeFile(`${to}.tmp`, content)
  await rename(`${to}.tmp`, to)
}

describe('content', () => {
  const a = { url: 'http://10.0.0.1:80' }
  test.each([
    [
      'strings and objects',
      '{"users":["http://10.0.0.1:80",{"id":"b","url":"http://b","weight":2}]}',
      [a, { id: 'b', url: 'http://b', weight: 2 }],
    ],
    ['a list for any service', '["http://10.0.0.1:80"]', [a]],
    ['another service', '{"orders":["http://10.0.0.1:80"]}', []],
    ['null for a service', '{"users":null}', []],
    ['entries that Discovery will refuse', '{"users":[7,null]}', [7, null]],
  ])('%s', async (_what, content, expected) => {
    await writeFile(path, content)
    const recording = start()
    await waitFor(() => expect(recording.values).toEqual([expected]))
  })

  test.each(['__proto__', 'constructor', 'toString'])(
    'a service named %s is not found on the prototype of an object',
    async (service) => {
      await writeFile(path, '{}')
      const recording = start({}, service)
      await waitFor(() => expect(recording.values).toEqual([[]]))
    },
  )

  test.each([
    ['nothing', '', 'cannot be parsed'],
    ['half of it', '{"users":["http://10.', 'cannot be parsed'],
    ['a number', '7', 'must be a list of instances, got number'],
    ['null', 'null', 'must be a list of instances, got nothing'],
    ['an object in place of the list', '{"users":{"url":"http://b"}}', "'users' in "],
  ])('%s fails the watch', async (_what, content, message) => {
    await writeFile(path, content)
    const recording = start()
    await recording.ended
    expect(recording.error).toMatchObject({
      code: 'ERR_OUTRIGGER_SOURCE',
      message: expect.stringContaining(message),
    })
  })

  test('a missing file and a missing folder fail the watch', async () => {
    for (const missing of [path, join(folder, 'no', 'such.json')]) {
      const recording = start({}, 'users', missing)
      await recording.ended
      expect(recording.error).toMatchObject({ code: 'ENOENT' })
    }
  })

  test('the path may be a file: URL', async () => {
    await writeFile(path, text('http://a'))
    const recording = start({}, 'users', pathToFileURL(path))
    await waitFor(() => expect(urls(recording)).toEqual(['http://a']))
  })
})

describe('changes', () => {
  test('by a write to the file', async () => {
    await writeFile(path, text('http://a'))
    const recording = start()
    await waitFor(() => expect(urls(recording)).toEqual(['http://a']))
    await writeFile(path, text('http://b'))
    await waitFor(() => expect(urls(recording)).toEqual(['http://b']))
  })

  test('by a rename over the file, several times', async () => {
    await writeFile(path, text('http://a'))
    const recording = start()
    for (const name of ['b', 'c', 'd', 'e']) {
      await replace(text(`http://${name}`))
      await waitFor(() => expect(urls(recording)).toEqual([`http://${name}`]))
    }
  })

  test('of a ConfigMap, whose ..data link is replaced, several times', async () => {
    const publish = async (version: string): Promise<void> => {
      await mkdir(join(folder, version))
      await writeFile(join(folder, version, 'instances.json'), text(`http://${version}`))
      await symlink(version, join(folder, '..data_tmp'))
      await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    }
    await publish('v1')
    await symlink(join('..data', 'instances.json'), path)
    const recording = start()
    for (const version of ['v2', 'v3', 'v4']) {
      await publish(version)
      await waitFor(() => expect(urls(recording)).toEqual([`http://${version}`]))
    }
  })

  test('by a replaced folder: the watch ends as planned, and the next one watches the new folder', async () => {
    const current = join(folder, 'current')
    await mkdir(join(folder, 'r1'))
    await mkdir(join(folder, 'r2'))
    await writeFile(join(folder, 'r1', 'i.json'), text('http://a'))
    await writeFile(join(folder, 'r2', 'i.json'), text('http://b'))
    await symlink('r1', current)
    const clock = new ManualClock()
    const recording = start({ clock }, 'users', join(current, 'i.json'))
    await waitFor(() => expect(clock.timers).toBe(1))
    await symlink('r2', join(folder, 'next'))
    await rename(join(folder, 'next'), current)
    await clock.advance(30_000)
    await recording.ended
    expect(recording.error).toBeUndefined()
    expect(recording.values).toHaveLength(1)
  })

  test('without an event are found by the poll', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'outrigger-file-'))
    onTestFinished(() => rm(elsewhere, { recursive: true }))
    await writeFile(join(elsewhere, 'real.json'), text('http://a'))
    await symlink(join(elsewhere, 'real.json'), path)
    const clock = new ManualClock()
    const recording = start({ clock, poll: 1_000 })
    await waitFor(() => expect(clock.timers).toBe(1))
    await writeFile(join(elsewhere, 'real.json'), text('http://b'))
    await clock.advance(999)
    expect(recording.values).toHaveLength(1)
    await clock.advance(1)
    await waitFor(() => expect(urls(recording)).toEqual(['http://b']))
  })

  test('are read once after the debounce', async () => {
    await writeFile(path, text('http://a'))
    const clock = new ManualClock()
    const slept = vi.spyOn(clock, 'sleep')
    const recording = start({ clock, debounce: 50 })
    await waitFor(() => expect(clock.timers).toBe(1))
    for (const name of ['b', 'c', 'd']) {
      const before = slept.mock.calls.length
      await writeFile(path, text(`http://${name}`))
      await waitFor(() => expect(slept.mock.calls.length).toBeGreaterThan(before))
      await clock.advance(49)
    }
    expect(recording.values).toHaveLength(1)
    await waitFor(async () => {
      await clock.advance(50)
      expect(urls(recording)).toEqual(['http://d'])
    })
    expect(recording.values).toHaveLength(2)
  })

  test('are not delayed for ever by a folder that changes all the time', async () => {
    await writeFile(path, text('http://a'))
    const clock = new ManualClock()
    const recording = start({ clock, debounce: 50, poll: 200 })
    await waitFor(() => expect(recording.values).toHaveLength(1))
    await waitFor(async () => {
      await writeFile(join(folder, 'noise'), 'x')
      await new Promise((resolve) => setTimeout(resolve, 5))
      await clock.advance(40)
      expect(recording.values.length).toBeGreaterThan(1)
    })
  })
})

describe('the file source as any other source', () => {
  const content: Record<string, readonly Instance[]> = {}
  let writing = Promise.resolve()
  beforeEach(() => replace(JSON.stringify(content)))
  sourceSuite(test, {
    source: () => file(path, { debounce: 5 }),
    set: (service, instances) => {
      content[service] = instances
      return (writing = writing.then(() => replace(JSON.stringify(content))))
    },
  })
})

test('through Discovery, an invalid file keeps the last valid list until the file is valid again', async () => {
  await writeFile(path, text('http://a'))
  const events: unknown[] = []
  const discovery = new Discovery({
    source: file(path, { debounce: 5 }),
    service: 'users',
    onInstances: (instances) => events.push(instances.map(({ url }) => url)),
    onStale: () => events.push('stale'),
    onRecovered: () => events.push('recovered'),
    backoff: { initial: 10, max: 20 },
  })
  onTestFinished(() => discovery.close())
  discovery.start()
  await discovery.ready
  await writeFile(path, text('http://b').slice(0, -5))
  await waitFor(() => expect(events).toEqual([['http://a'], 'stale']))
  await unlink(path)
  expect(discovery.instances).toHaveLength(1)
  await replace(text('http://c'))
  await waitFor(() => expect(events).toEqual([['http://a'], 'stale', ['http://c'], 'recovered']))
})

test('through Discovery, a folder that is removed and created again is watched again', async () => {
  const inner = join(folder, 'inner')
  const inside = join(inner, 'instances.json')
  await mkdir(inner)
  await writeFile(inside, text('http://a'))
  const seen: unknown[] = []
  const discovery = new Discovery({
    source: file(inside, { debounce: 5 }),
    service: 'users',
    onInstances: (instances) => seen.push(instances.map(({ url }) => url)),
    backoff: { initial: 10, max: 20 },
  })
  onTestFinished(() => discovery.close())
  discovery.start()
  await discovery.ready
  await rm(inner, { recursive: true })
  await waitFor(() => expect(discovery.error).toMatchObject({ code: 'ENOENT' }))
  await mkdir(inner)
  for (const name of ['b', 'c']) {
    await replace(text(`http://${name}`), inside)
    await waitFor(() => expect(seen.at(-1)).toEqual([`http://${name}`]))
  }
})

describe('YAML', () => {
  test('names the missing package', async () => {
    vi.doMock('yaml', () => {
      throw new Error('Cannot find package')
    })
    onTestFinished(() => {
      vi.doUnmock('yaml')
    })
    await writeFile(path, 'users: []')
    const recording = start({ format: 'yaml' })
    await recording.ended
    expect(recording.error).toMatchObject({
      code: 'ERR_OUTRIGGER_SOURCE',
      message: expect.stringContaining('npm install yaml'),
    })
  })

  test.each(['instances.yaml', 'instances.YML'])('is read from %s', async (name) => {
    const yaml = 'users:\n  - http://a\n  - url: http://b\n    weight: 2\norders:\n'
    vi.doMock('yaml', () => ({
      parse: (given: string) =>
        given === yaml ? { users: ['http://a', { url: 'http://b', weight: 2 }], orders: null } : undefined,
    }))
    onTestFinished(() => {
      vi.doUnmock('yaml')
    })
    await writeFile(join(folder, name), yaml)
    const recording = start({}, 'users', join(folder, name))
    await waitFor(() =>
      expect(recording.values).toEqual([[{ url: 'http://a' }, { url: 'http://b', weight: 2 }]]),
    )
    const orders = start({}, 'orders', join(folder, name))
    await waitFor(() => expect(orders.values).toEqual([[]]))
  })
})

describe('the end of a watch', () => {
  test('an abort ends the watch without an error and leaves no timer', async () => {
    await writeFile(path, text('http://a'))
    const clock = new ManualClock()
    const recording = start({ clock })
    await waitFor(() => expect(clock.timers).toBe(1))
    recording.abort()
    await recording.ended
    expect(recording.error).toBeUndefined()
    expect(clock.timers).toBe(0)
  })

  test('an aborted watch does not start', async () => {
    const iterator = file(path).watch('users', { signal: AbortSignal.abort() })[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  test('an abort at any moment of a read is not an error', async () => {
    await writeFile(path, text('http://a'))
    for (let moment = 0; moment < 30; moment++) {
      const recording = start()
      for (let n = 0; n < moment; n++) await new Promise((resolve) => setImmediate(resolve))
      recording.abort()
      await recording.ended
      expect(recording.error).toBeUndefined()
    }
  })

  test.each(['abort', 'failure', 'leaving'])('the watch of the folder is closed after %s', async (end) => {
    await writeFile(path, end === 'failure' ? 'nonsense' : text('http://a'))
    opened.length = 0
    if (end === 'leaving') {
      for await (const _ of file(path).watch('users', { signal: new AbortController().signal })) break
    } else {
      const recording = start()
      await vi.waitUntil(() => opened.length > 0)
      if (end === 'abort') recording.abort()
      await recording.ended
    }
    expect(opened.map(({ close }) => close.mock.calls.length)).toEqual([1])
  })

  test('a watch does not keep the process alive', async () => {
    await writeFile(path, text('http://a'))
    const source = pathToFileURL(join(import.meta.dirname, '../../src/registry/file.ts')).href
    const program = `
      import { file } from ${JSON.stringify(source)}
      const watch = file(${JSON.stringify(path)}).watch('users', { signal: new AbortController().signal })
      for await (const [{ url }] of watch) console.log(url)
    `
    const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
      stdio: 'pipe',
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const [code] = (await once(child, 'exit')) as [number]
    expect(output.trim()).toBe('http://a')
    // Exit code 13: the process ended during an await, because nothing kept it alive.
    expect(code).toBe(13)
  })
})

test.each([
  [[], 'file() needs a path or a file: URL, got undefined'],
  [[''], "file() needs a path or a file: URL, got ''"],
  [[new URL('http://x/y')], 'must be of scheme file'],
  [['x', 7], 'file must be an object, got 7'],
  [['x', { pol: 1 }], 'file.pol is not an option'],
  [['x', { format: 'toml' }], "file.format must be 'json' or 'yaml', got 'toml'"],
  [['x', { poll: 0 }], 'file.poll must be a number >= 1, got 0'],
  [['x', { debounce: -1 }], 'file.debounce must be a number >= 0, got -1'],
  [['x', { clock: 7 }], 'file.clock must have a method now(), got 7'],
])('refuses %j', (args, message) => {
  expect(() => (file as (...args: readonly unknown[]) => unknown)(...args)).toThrow(message)
})
