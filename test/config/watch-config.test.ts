import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient, createFetch, fixed, type Client } from '../../src/index.ts'
import { fileConfig, watchConfig, type ConfigSource } from '../../src/config.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { optionsOf, settled, Stub } from './stub.ts'
import { waitFor } from '../support/wait-for.ts'

const service = 'user-service'
const source = fixed(['http://127.0.0.1:9'])

let stub: Stub
let clock: ManualClock
let onRefused: ReturnType<typeof vi.fn<(error: Error) => void>>
let onFailed: ReturnType<typeof vi.fn<(error: unknown) => void>>
beforeEach(() => {
  stub = new Stub()
  clock = new ManualClock()
  onRefused = vi.fn<(error: Error) => void>()
  onFailed = vi.fn<(error: unknown) => void>()
})

describe('a document', () => {
  it('is applied, with an event that names its source', async () => {
    await using users = createClient({ service, source })
    const changes: unknown[] = []
    users.on('config:changed', ({ changed, by }) => changes.push([by, changed]))
    await using config = watchConfig(users, stub)
    await stub.put({ $schema: 'x', timeout: 500, traffic: [{ to: { version: 'v2' }, share: 0.05 }] })
    expect(await config.first).toBe('applied')
    expect(changes).toEqual([['stub', ['timeout', 'traffic']]])
    expect(optionsOf(users)['timeout']).toBe(500)
  })

  it('restores the values of the code for options that it no longer sets', async () => {
    await using users = createClient({
      service,
      source,
      timeout: 900,
      routes: { 'GET /a': { retry: false }, 'GET /b': { timeout: 5 } },
    })
    const before = optionsOf(users)
    watchConfig(users, stub)
    await stub.put({ timeout: 100, retry: false, routes: { 'GET /a': { timeout: 1 }, 'GET /c': {} } })
    expect(optionsOf(users)).toMatchObject({
      timeout: 100,
      retry: false,
      routes: { 'GET /a': { timeout: 1 }, 'GET /b': { timeout: 5 }, 'GET /c': {} },
    })
    await stub.put({ timeout: 100 })
    expect(optionsOf(users)).toEqual({ ...before, timeout: 100 })
    await stub.put({})
    expect(optionsOf(users)).toEqual(before)
  })

  it('keeps values that code has set since with update(), and covers them from then on', async () => {
    await using users = createClient({ service, source, timeout: 900, routes: { 'GET /a': { timeout: 9 } } })
    watchConfig(users, stub)
    await stub.put({
      timeout: 100,
      retry: false,
      routes: { 'GET /a': { timeout: 1 }, 'GET /b': { timeout: 1 } },
    })
    users.update({ timeout: 700, routes: { 'GET /a': { timeout: 7 } } })
    await stub.put({ routes: { 'GET /b': { timeout: 2 } } })
    expect(optionsOf(users)).toMatchObject({
      timeout: 700,
      routes: { 'GET /a': { timeout: 7 }, 'GET /b': { timeout: 2 } },
    })
    expect(optionsOf(users)).not.toHaveProperty('retry')
    users.update({ timeout: 600 })
    await stub.put({ timeout: 50 })
    expect(optionsOf(users)['timeout']).toBe(50)
    users.update({ timeout: undefined })
    await stub.put({ timeout: 40 })
    await stub.put({})
    expect(optionsOf(users)).not.toHaveProperty('timeout')
    expect(optionsOf(users)['routes']).toEqual({ 'GET /a': { timeout: 7 } })
  })

  it.each([undefined, null, 7, new Uint8Array(2)])(
    'that is %s is refused, even as the first one',
    async (document) => {
      await using users = createClient({ service, source })
      const odd = {
        async *watch() {
          yield document
          yield '{"timeout":100}'
          await new Promise(() => {})
        },
      }
      const config = watchConfig(users, odd as unknown as ConfigSource, { onRefused })
      expect(await config.first).toBe('refused')
      expect(onRefused.mock.calls[0]?.[0].message).toContain('a document must be text')
      await settled()
      expect(optionsOf(users)['timeout']).toBe(100)
    },
  )

  it.each<[string, unknown, string]>([
    ['no JSON', '{ "timeout": ', 'a document must be JSON'],
    ['a list', [], 'a document must be an object'],
    ['nothing', '', 'a document must be JSON'],
    ['a wrong value', { retry: false, timeout: 'soon' }, 'timeout must be'],
    ['an unknown option', { retry: false, timeouts: 5 }, 'timeouts is not an option'],
    ['a bad rule of a route', { retry: false, routes: { 'GET /x': { hedge: 5 } } }, "routes['GET /x'].hedge"],
    ['what cannot change', { retry: false, service: 'other' }, 'cannot change service'],
    ['another transport', { retry: false, transport: {} }, 'transport must be set in code'],
    ['other addresses', { retry: false, allow: {} }, 'allow must be set in code'],
    ['a strategy, which is a function', { retry: false, balance: 'roundRobin' }, 'balance'],
    ['a prototype', '{ "retry": false, "__proto__": { "timeout": 5 } }', '__proto__'],
    ['too much', JSON.stringify({ $schema: 'x'.repeat(2 ** 20) }), '1048576 characters at most'],
  ])('with %s is refused, and nothing changes', async (_name, document, message) => {
    await using users = createClient({ service, source, timeout: 900 })
    const before = optionsOf(users)
    const changed = vi.fn<() => void>()
    users.on('config:changed', changed)
    await using config = watchConfig(users, stub, { onRefused })
    await stub.put(document)
    expect(await config.first).toBe('refused')
    expect(onRefused).toHaveBeenCalledOnce()
    expect(onRefused.mock.calls[0]?.[0].message).toContain(message)
    expect(optionsOf(users)).toEqual(before)
    expect(changed).not.toHaveBeenCalled()
    await stub.put({ timeout: 100 })
    expect(optionsOf(users)).toEqual({ ...before, timeout: 100 })
  })

  it('that is refused without a listener causes a process warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      await using users = createClient({ service, source })
      await using config = watchConfig(users, stub)
      await stub.put('?')
      expect(await config.first).toBe('refused')
      expect(String(warned.mock.calls[0]?.[0])).toBe(
        'a document of stub is not applied: a document must be JSON',
      )
    } finally {
      warned.mockRestore()
    }
  })

  it('of an application sets defaults and services, and services keep their sources', async () => {
    const own = fixed(['http://127.0.0.1:10'])
    await using app = createFetch({
      source,
      defaults: { timeout: 900 },
      services: { 'user-service': { source: own, retry: false } },
    })
    await app.client('user-service').ready()
    await using config = watchConfig(app, stub, { onRefused })
    await stub.put({
      defaults: { timeout: 100 },
      services: { 'user-service': {}, 'new-service': { retry: false } },
    })
    expect(onRefused.mock.calls).toEqual([])
    expect(await config.first).toBe('applied')
    expect(optionsOf(app.client('user-service'))).toMatchObject({ timeout: 100 })
    expect(optionsOf(app.client('user-service'))).not.toHaveProperty('retry')
    expect(app.client('user-service').snapshot().instances[0]?.instance.url).toBe('http://127.0.0.1:10')
    expect(optionsOf(app.client('new-service'))).toMatchObject({ timeout: 100, retry: false })
    await stub.put({ services: { 'user-service': { source: {} } } })
    await stub.put({ defaults: { allow: {} } })
    expect(onRefused.mock.calls.map(([{ message }]) => message)).toEqual([
      "services['user-service'].source must be set in code, not in a document",
      'defaults.allow must be set in code, not in a document',
    ])
    await stub.put({})
    expect(optionsOf(app.client('user-service'))).toMatchObject({ timeout: 900, retry: false })
    expect(optionsOf(app.client('new-service'))).toMatchObject({ timeout: 900 })
  })
})

describe('a source', () => {
  it('that fails is watched again after a pause and reported once per outage, and the options stay', async () => {
    await using users = createClient({ service, source })
    await using config = watchConfig(users, stub, { clock, onFailed })
    await stub.put({ timeout: 100 })
    await stub.fail(new Error('away'))
    expect(stub.watches).toBe(1)
    await clock.advance(500)
    await settled()
    expect(stub.watches).toBe(2)
    await stub.fail(new Error('still away'))
    expect(onFailed.mock.calls.map(([error]) => String(error))).toEqual(['Error: away'])
    expect(optionsOf(users)['timeout']).toBe(100)
    await clock.advance(1_000)
    await stub.put({ timeout: 200 })
    expect(optionsOf(users)['timeout']).toBe(200)
    expect(await config.first).toBe('applied')
  })

  it.each<[string, unknown]>([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['returns no iterable', () => 5],
    ['rejects', () => Promise.reject(new Error('boom'))],
    [
      'yields what is no text',
      async function* () {
        await turn()
        yield { timeout: 5 }
      },
    ],
    ['ends at once', () => ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true }) }) })],
  ])('that %s causes no damage and no busy loop', async (_name, watch) => {
    await using users = createClient({ service, source })
    const called = vi.fn<ConfigSource['watch']>(watch as ConfigSource['watch'])
    watchConfig(users, { name: '', watch: called }, { clock, onFailed, onRefused })
    await settled()
    expect(called).toHaveBeenCalledOnce()
    expect(optionsOf(users)).not.toHaveProperty('timeout')
  })

  it('is stopped when the client closes, when the watch closes, and by its signal', async () => {
    const users = createClient({ service, source })
    watchConfig(users, stub)
    await settled()
    await users.close()
    expect(stub.signal?.aborted).toBe(true)
    await using other = createClient({ service, source })
    const config = watchConfig(other, stub)
    await settled()
    await config.close()
    expect(stub.signal?.aborted).toBe(true)
    expect(await config.first).toBe('failed')
    const abort = new AbortController()
    watchConfig(other, stub, { signal: abort.signal })
    await settled()
    abort.abort()
    expect(stub.signal?.aborted).toBe(true)
    const watches = stub.watches
    watchConfig(other, stub, { signal: AbortSignal.abort() })
    watchConfig(users, stub)
    expect(stub.watches).toBe(watches)
  })

  it('that ignores its signal changes nothing after close()', async () => {
    await using users = createClient({ service, source })
    const late = Promise.withResolvers<string>()
    const deaf: ConfigSource = {
      name: 'deaf',
      async *watch() {
        yield await late.promise
      },
    }
    const config = watchConfig(users, deaf, { clock })
    const closed = config.close()
    await clock.advance(1_000)
    await closed
    late.resolve('{ "timeout": 5 }')
    await settled()
    expect(optionsOf(users)).not.toHaveProperty('timeout')
  })
})

it('listeners that throw cause warnings', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  try {
    await using users = createClient({ service, source })
    const onApplied = (): never => {
      throw new Error('boom')
    }
    watchConfig(users, stub, { onApplied })
    await stub.put({ timeout: 5 })
    await stub.put({ timeout: 6 })
    expect(optionsOf(users)['timeout']).toBe(6)
    expect(warned).toHaveBeenCalledTimes(2)
  } finally {
    warned.mockRestore()
  }
})

it.each<[unknown, string]>([
  [{ update: () => {} }, 'watchConfig() needs a client'],
  [undefined, 'watchConfig() needs a client'],
])('%s is not accepted as a target', (target, message) => {
  expect(() => watchConfig(target as Client, stub)).toThrow(message)
})

describe('a file', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrigger-config-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is followed when it is written in place, replaced, broken and repaired', async () => {
    const path = join(folder, 'users.json')
    await using users = createClient({ service, source })
    await using config = watchConfig(users, fileConfig(path, { debounce: 5, poll: 200 }), {
      onRefused,
      onFailed,
      backoff: { initial: 20, max: 20 },
    })
    expect(await config.first).toBe('failed')
    expect(onFailed.mock.calls[0]?.[0]).toMatchObject({ code: 'ENOENT' })
    const becomes = (timeout: number): Promise<void> =>
      waitFor(() => expect(optionsOf(users)['timeout']).toBe(timeout), 10_000)
    await writeFile(path, '\uFEFF{ "timeout": 100 }')
    await becomes(100)
    await writeFile(join(folder, 'next'), '{ "timeout": 200 }')
    await rename(join(folder, 'next'), path)
    await becomes(200)
    await writeFile(path, '{ "timeout": "soon" }')
    await waitFor(() => expect(onRefused).toHaveBeenCalled(), 10_000)
    expect(optionsOf(users)['timeout']).toBe(200)
    await writeFile(path, '{ "timeout": 300 }')
    await becomes(300)
  })
})

it(
  'any sequence of documents leads to the values of the code with the last valid document over them',
  { timeout: 60_000 },
  async () => {
    const rule = fc.record(
      { timeout: fc.integer({ min: 1, max: 3 }), retry: fc.constant(false) },
      { requiredKeys: [] },
    )
    const document = fc.record(
      {
        timeout: fc.constantFrom<unknown>(1, 2, 'soon', -1),
        retry: fc.constantFrom<unknown>(false, {}, 5),
        routes: fc.dictionary(fc.constantFrom('GET /a', 'GET /b', '__proto__', 'POST /c'), rule, {
          maxKeys: 3,
        }),
      },
      { requiredKeys: [] },
    )
    const code = fc.record(
      {
        timeout: fc.integer({ min: 5, max: 6 }),
        routes: fc.constant({ 'GET /a': { retry: false as const } }),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(code, fc.array(document, { maxLength: 5 }), async (own, documents) => {
        const given = { service, source, ...own } as Parameters<typeof createClient>[0]
        await using users = createClient(given)
        await using fresh = createClient(given)
        const input = new Stub()
        const good: object[] = []
        watchConfig(users, input, {
          onApplied: (each) => good.push(each),
          onRefused: () => {},
        })
        for (const each of documents) await input.put(each)
        fresh.update(good.at(-1) ?? {})
        const { routes = {}, ...others } = optionsOf(users)
        const { routes: freshRoutes = {}, ...freshOthers } = optionsOf(fresh)
        expect(others).toEqual(freshOthers)
        expect(routes).toEqual(freshRoutes)
      }),
      { numRuns: 30 },
    )
  },
)
