import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  createClient,
  createFetch,
  fixed,
  MemoryRegistry,
  type Client,
  type FetchOptions,
  type Instance,
  type Source,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { redirect, reply, startServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

/** A registry that counts its watches by the requested name. */
class CountingSource implements Source {
  readonly emptyGrace = 0
  readonly isOwn = true
  readonly watched: string[] = []
  open = 0
  readonly #instances: Readonly<Record<string, readonly Instance[]>>

  constructor(instances: Readonly<Record<string, readonly Instance[]>>) {
    this.#instances = instances
  }

  async *watch(service: string, { signal }: { signal: AbortSignal }): AsyncGenerator<readonly Instance[]> {
    this.watched.push(service)
    this.open++
    try {
      yield Object.hasOwn(this.#instances, service) ? (this.#instances[service] ?? []) : []
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    } finally {
      this.open--
    }
  }
}

const at = (url: string): Instance => ({ id: 'a', url })

describe('createFetch with a source', () => {
  it('uses one set of options for all services, and makes each client at its first call', async () => {
    await using users = await startServer(reply(200, 'users'))
    await using orders = await startServer(reply(200, 'orders'))
    const source = new CountingSource({ 'user-service': [at(users.url)], 'order-service': [at(orders.url)] })
    await using app = createFetch({
      source,
      defaults: { timeout: { total: 1000 }, routes: { 'GET /a': { retry: false } } },
      services: { 'user-service': {}, 'order-service': { timeout: { total: 2000 } }, idle: {} },
    })
    expect(source.watched).toEqual([])
    expect(app.snapshot()).toEqual({ services: {} })
    expect(await (await app('http://user-service/')).text()).toBe('users')
    expect(await (await app('http://order-service/a')).text()).toBe('orders')
    expect(source.watched).toEqual(['user-service', 'order-service'])
    expect(Object.keys(app.snapshot().services)).toEqual(['user-service', 'order-service'])
    expect(app.explain('http://user-service/').plan).toMatchObject({ total: 1000 })
    expect(app.explain('http://order-service/a')).toMatchObject({
      route: 'GET /a',
      plan: { total: 2000, attempts: 1 },
    })
    expectTypeOf(app.services['user-service']).toEqualTypeOf<Client>()
    expectTypeOf<keyof typeof app.services>().toEqualTypeOf<'user-service' | 'order-service' | 'idle'>()
    expect(app.client('user-service')).toBe(app.services['user-service'])
    expect(() => app.client('nobody')).toThrow(/no service 'nobody'; known: user-service/)
    expect(app).toHaveLength(1)
  })

  it('sends a redirect from one service to another to that service', async () => {
    await using orders = await startServer(reply(200, 'orders'))
    await using users = await startServer(redirect('http://order-service/'))
    const source = new CountingSource({ 'user-service': [at(users.url)], 'order-service': [at(orders.url)] })
    await using app = createFetch({ source, services: { 'user-service': {}, 'order-service': {} } })
    await app.client('order-service').ready()
    expect(await (await app('http://user-service/')).text()).toBe('orders')
  })

  it('passes events of all services to listeners, including later services, until they are removed', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const source = new CountingSource({ a: [at(server.url)], b: [at(server.url)] })
    await using app = createFetch({ source, services: { a: {}, b: {} } })
    await app('http://a/')
    const seen: string[] = []
    const listener = ({ service }: { service: string }): void => void seen.push(service)
    app.on('attempt', listener)
    await app('http://a/')
    await app('http://b/')
    app.off('attempt', listener)
    await app('http://b/')
    expect(seen).toEqual(['a', 'b'])
  })

  it('stops watching a service without calls, and keeps its state', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const clock = new ManualClock()
    const source = new CountingSource({ a: [at(server.url)] })
    await using app = createFetch({
      source,
      services: { a: { breaker: { failureThreshold: 1, openFor: 60_000 } } },
      idleTimeout: 1000,
      clock,
    })
    await app('http://a/')
    await app
      .client('a')
      .execute(() => Promise.reject(new Error('boom')))
      .catch(() => {})
    expect(source.open).toBe(1)
    await clock.advance(2500)
    await until(() => source.open === 0)
    expect(app.snapshot().services['a']?.instances).toMatchObject([
      { breaker: 'open', settled: { success: 1, failure: 1 } },
    ])
    await expect(app('http://a/')).rejects.toMatchObject({ name: 'CircuitOpenError' })
    await until(() => source.open === 1)
    expect(source.watched).toEqual(['a', 'a'])
  })

  it('continues to watch a service whose client is called directly, by any door, and resumes its watch', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const clock = new ManualClock()
    const source = new CountingSource({ a: [at(server.url)], b: [at(server.url)] })
    await using app = createFetch({ source, services: { a: {}, b: {} }, idleTimeout: 1000, clock })
    const client = app.client('a')
    const doors: (() => Promise<unknown>)[] = [
      async () => (await client('/')).text(),
      async () => (await client.request('/')).body.dump(),
      () => client.execute(() => 1),
      async () => {
        const { request } = await import('undici')
        await (await request('http://a/', { dispatcher: client.dispatcher })).body.dump()
      },
    ]
    await app('http://b/')
    for (const door of doors) {
      await door()
      for (let call = 0; call < 6; call++) {
        await clock.advance(500)
        await door()
      }
    }
    expect(source.watched).toEqual(['a', 'b'])
    await until(() => source.open === 1)
    for (const [index, door] of doors.entries()) {
      await clock.advance(2500)
      await until(() => source.open === 0)
      await door()
      await until(() => source.open === 1)
      expect(source.watched).toHaveLength(3 + index)
    }
    // Reading the snapshot is not a call.
    await clock.advance(1500)
    client.snapshot()
    client.explain('/')
    await clock.advance(1000)
    await until(() => source.open === 0)
  })
})

describe('unknown: discover', () => {
  const discover = (source: Source, more: Partial<FetchOptions> = {}): ReturnType<typeof createFetch> =>
    createFetch({ source, unknown: 'discover', ...more })

  it('makes a service for a host that the source knows, at its first call', async () => {
    await using server = await startServer(reply(200, 'users'))
    const source = new CountingSource({ 'user-service': [at(server.url)] })
    await using app = discover(source, { suffixes: ['.internal'], defaults: { timeout: 1000 } })
    const urls = ['http://user-service/', 'http://user-service/', 'http://user-service.internal:8080/x']
    for (const text of await Promise.all(urls.map(async (url) => (await app(url)).text())))
      expect(text).toBe('users')
    expect(source.watched).toEqual(['user-service'])
    expect(server.headers.map(({ host }) => host).toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
      'user-service',
      'user-service',
      'user-service.internal:8080',
    ])
    expect(app.client('user-service').explain('/').plan).toMatchObject({ total: 1000 })
  })

  it('passes on unknown hosts, names with dots, and addresses, and looks each up once', async () => {
    await using stranger = await startServer(reply(200, 'stranger'))
    const source = new CountingSource({ 'example.com': [at(stranger.url)] })
    const original = globalThis.fetch
    const passed: string[] = []
    globalThis.fetch = (input) => {
      passed.push(input instanceof Request ? input.url : input.toString())
      return Promise.resolve(new Response('passed'))
    }
    try {
      await using app = discover(source)
      for (const host of [
        'unknown',
        'unknown',
        'example.com',
        'localhost',
        '127.0.0.1',
        '[::1]',
        '__proto__',
      ]) {
        expect(await (await app(`http://${host}/`)).text()).toBe('passed')
      }
      expect(source.watched).toEqual(['unknown', '__proto__'])
      expect(source.open).toBe(0)
      expect(passed).toHaveLength(7)
    } finally {
      globalThis.fetch = original
    }
  })

  it('stores at most 1,000 hosts that are not services', async () => {
    const source = new CountingSource({})
    const original = globalThis.fetch
    globalThis.fetch = () => Promise.resolve(new Response('passed'))
    try {
      await using app = discover(source)
      for (let host = 0; host < 1100; host++) await app(`http://h${host}/`)
      await app('http://h1099/')
      expect(source.watched).toHaveLength(1100)
      await app('http://h0/')
      expect(source.watched).toHaveLength(1101)
      await until(() => source.open === 0)
    } finally {
      globalThis.fetch = original
    }
  })

  it('passes on while the source fails', async () => {
    const original = globalThis.fetch
    globalThis.fetch = () => Promise.resolve(new Response('passed'))
    try {
      const source: Source = {
        // oxlint-disable-next-line require-yield -- it fails
        async *watch() {
          throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
        },
      }
      await using app = discover(source, { clock: new ManualClock() })
      const answer = app('http://user-service/')
      void answer.catch(() => {})
      expect(
        await Promise.race([
          answer.then((response) => response.text()),
          new Promise((resume) => setTimeout(resume, 50, 'waits')),
        ]),
      ).toMatch(/passed|waits/)
    } finally {
      globalThis.fetch = original
    }
  })
})

describe('update()', () => {
  it('changes defaults and services completely, for existing clients and for later ones', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const source = new CountingSource({ a: [at(server.url)], b: [at(server.url)], c: [at(server.url)] })
    await using app = createFetch({
      source,
      defaults: { timeout: 1000, retry: false },
      services: { a: {}, b: { timeout: 2000 } },
    })
    await app('http://a/')
    const settled = app.snapshot().services['a']?.instances[0]?.settled
    const changed: unknown[] = []
    app.on('config:changed', ({ service, by }) => changed.push([service, by]))
    app.update({ defaults: { timeout: 500 }, services: { c: { hedge: {} } } }, { by: 'ops' })
    expect(app.client('a').explain().plan).toMatchObject({ total: 500, attempts: 3 })
    expect(app.client('b').explain().plan).toMatchObject({ total: 2000, attempts: 3 })
    expect(app.client('c').explain().plan).toMatchObject({ total: 500, hedges: 1 })
    expect(app.snapshot().services['a']?.instances[0]?.settled).toEqual(settled)
    expect(changed).toEqual([['a', 'ops']])
  })

  it.each<[object, string]>([
    [{ defaults: { timeout: 100 }, services: { a: { timeout: -1 } } }, 'timeout'],
    [{ defaults: { timuot: 100 } }, 'timuot'],
    [{ defaults: { timeout: 100 }, unknown: 'maybe' }, 'unknown must be'],
    [{ services: { 'a b': {} } }, "services['a b']"],
    [{ source: fixed([]) }, 'source'],
  ])('refuses %o, and nothing changes', async (config, message) => {
    await using app = createFetch({ source: new CountingSource({}), services: { a: {}, b: {} } })
    expect(() => app.update(config)).toThrow(message)
    expect(app.client('a').explain().plan).toMatchObject({ total: 30_000 })
    expect(app.client('b').explain().plan).toMatchObject({ total: 30_000 })
  })
})

describe('update() and sources', () => {
  it('need not repeat the source of the application or of a service', async () => {
    await using one = await startServer(reply(200, 'one'))
    await using two = await startServer(reply(200, 'two'))
    await using app = createFetch({
      services: { a: { source: fixed([one.url]) }, b: { source: fixed([two.url]), timeout: 100 } },
    })
    app.update({ services: { a: { timeout: 200 } }, defaults: { retry: false } })
    app.update({ services: { b: {} } })
    app.update({ unknown: 'deny' })
    expect(app.client('a').explain().plan).toMatchObject({ total: 200 })
    expect(app.client('b').explain().plan).toMatchObject({ total: 30_000 })
    expect(await (await app('http://a/')).text()).toBe('one')
    expect(await (await app('http://b/')).text()).toBe('two')
  })

  it('may name the same source, and refuses another one without any change', async () => {
    const [own, other] = [fixed([]), fixed([])]
    await using app = createFetch({ source: fixed([]), services: { a: { source: own }, b: {} } })
    app.update({ services: { a: { source: own, timeout: 200 } } })
    expect(() => app.update({ services: { a: { source: other, timeout: 300 } } })).toThrow(
      "services['a'] cannot change its source",
    )
    expect(() => app.update({ services: { b: { source: other } } })).toThrow(
      "services['b'] cannot change its source",
    )
    expect(app.client('a').explain().plan).toMatchObject({ total: 200 })
    app.update({ services: { c: { source: other } } })
    expect(app.client('c').explain().plan).toMatchObject({ total: 30_000 })
  })
})

describe('update() and clients made by createClient()', () => {
  it('accepts a client for a new host, and options for other hosts', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const source = new CountingSource({ a: [at(server.url)], c: [at(server.url)] })
    await using byHand = createClient({ service: 'b', source: fixed([server.url]) })
    await using app = createFetch({ source, services: { a: {} } })
    const seen: string[] = []
    app.on('attempt', ({ service }) => seen.push(service))
    app.update({ services: { b: byHand, c: {} } })
    app.update({ services: { b: byHand } })
    for (const host of ['a', 'b', 'c']) await app(`http://${host}/`)
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(Object.keys(app.services)).toEqual(['a', 'b', 'c'])
    expect(app.client('b')).toBe(byHand)
  })

  it.each<[string, (byHand: Client) => FetchOptions['services'], string]>([
    ['a client where options stand', (byHand) => ({ b: byHand }), "services['b'] is in use"],
    [
      'options where a client stands',
      () => ({ a: { timeout: 5 } }),
      "services['a'] is a client made by createClient()",
    ],
    ['two spellings of one host', () => ({ b: {}, B: {} }), "services names 'b' twice"],
    ['a client of another service', (byHand) => ({ d: byHand }), "is a client of 'a'"],
  ])('refuses %s, and nothing changes', async (_name, services, message) => {
    await using byHand = createClient({ service: 'a', source: fixed([]) })
    await using b = createClient({ service: 'b', source: fixed([]) })
    await using app = createFetch({ source: fixed([]), services: { a: byHand, b: { timeout: 100 } } })
    const given = services(message.includes('in use') ? b : byHand) ?? {}
    expect(() => app.update({ defaults: { retry: false }, services: given })).toThrow(message)
    expect(app.client('b').explain().plan).toMatchObject({ total: 100, attempts: 3 })
  })

  it('works after the user has closed the client of a service', async () => {
    await using app = createFetch({ source: fixed([]), services: { a: {}, b: {} } })
    await app.client('a').close()
    app.client('b')
    app.update({ defaults: { timeout: 100 } })
    expect(app.client('b').explain().plan).toMatchObject({ total: 100 })
  })
})

describe('manual actions', () => {
  const start = async (): Promise<ReturnType<typeof createFetch>> => {
    const one = (id: string): Instance => ({ id, url: `http://127.0.0.1:1${id.charCodeAt(0)}` })
    const source = new CountingSource({ a: [one('x'), one('y')], b: [one('y'), one('z')] })
    const app = createFetch({ source, services: { a: {}, b: {}, later: {} } })
    await Promise.all([app.client('a').ready(), app.client('b').ready()])
    return app
  }
  const out = (app: ReturnType<typeof createFetch>): string[] =>
    Object.entries(app.snapshot().services).flatMap(([service, { instances }]) =>
      instances.filter(({ byHand }) => byHand).map(({ instance }) => `${service} ${instance.id}`),
    )

  it('apply to the service that knows the instance', async () => {
    await using app = await start()
    app.isolate('x', { reason: 'INC-1' })
    app.drain('z')
    app.weigh('y', 2, { service: 'b' })
    app.open('y', 1000, { service: 'a', force: true })
    expect(out(app)).toEqual(['a x', 'a y', 'b y', 'b z'])
    app.restore('x')
    app.reset('z')
    expect(out(app)).toEqual(['a y', 'b y'])
    app.reset(undefined, { service: 'a' })
    expect(out(app)).toEqual(['b y'])
    app.reset()
    expect(out(app)).toEqual([])
  })

  it('refuse an id that several services have, or none, and nothing changes', async () => {
    await using app = await start()
    expect(() => app.isolate('y')).toThrow("'y' is an instance of a, b: say which with { service }")
    expect(() => app.isolate('w')).toThrow(
      "no service that has been called has an instance 'w'; called: a, b",
    )
    expect(() => app.isolate('x', { service: 'b' })).toThrow('has an instance')
    expect(() => app.isolate('x', { for: -1 })).toThrow('for')
    expect(out(app)).toEqual([])
  })

  it('dryRun() applies to all services, including later ones', async () => {
    await using app = await start()
    app.dryRun(true, { by: 'ops' })
    for (const name of ['a', 'later']) {
      const client = app.client(name)
      expect(() => client.dryRun('yes' as never)).toThrow('dryRun() must be')
      const changed: unknown[] = []
      client.on('config:changed', (event) => changed.push(event.changed))
      client.dryRun(true)
      expect(changed).toEqual([])
    }
  })
})

describe('listeners to all services', () => {
  it('once() gets one event, from whichever service is first', async () => {
    await using server = await startServer(reply(200, 'ok'))
    await using app = createFetch({ source: fixed([server.url]), services: { a: {}, b: {}, c: {} } })
    const seen: string[] = []
    await app('http://a/')
    app.once('attempt', ({ service }) => seen.push(service))
    for (const host of ['b', 'a', 'b', 'c']) await app(`http://${host}/`)
    expect(seen).toEqual(['b'])
  })

  it('off() does not remove listeners of others', async () => {
    await using server = await startServer(reply(200, 'ok'))
    await using byHand = createClient({ service: 'a', source: fixed([server.url]) })
    const seen: string[] = []
    const listener = (): void => void seen.push('own')
    byHand.on('attempt', listener)
    await using app = createFetch({ services: { a: byHand } })
    app.on('attempt', listener)
    app.on('attempt', () => seen.push('app'))
    await app('http://a/')
    app.off('attempt', listener)
    await app('http://a/')
    app.off('attempt')
    await app('http://a/')
    expect(seen).toEqual(['own', 'own', 'app', 'own', 'app', 'own'])
  })

  it.each(['on', 'once'] as const)(
    '%s() refuses a value that is not a function, and an unknown event',
    async (method) => {
      await using app = createFetch({ source: fixed([]), services: {} })
      expect(() => app[method]('attempt', 5 as never)).toThrow('must be a function, got 5')
      expect(() => app[method]('atempt' as never, () => {})).toThrow('atempt')
    },
  )
})

it('two applications on one registry, and a separate client, do not affect each other', async () => {
  await using server = await startServer(reply(200, 'ok'))
  const registry = new MemoryRegistry()
  registry.register('a', { id: '1', url: server.url })
  const users = createClient({ service: 'b', source: fixed([server.url]) })
  const first = createFetch({ source: registry, services: { a: {}, b: users } })
  await using second = createFetch({ source: registry, services: { a: {} } })
  await first('http://a/')
  await first('http://b/')
  await first.close()
  await expect(first('http://a/')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
  expect((await second('http://a/')).status).toBe(200)
  expect((await users('/')).status).toBe(200)
  await users.close()
})

it.each<[object, string]>([
  [{}, "services is required without unknown: 'discover'"],
  [{ services: [] }, 'services must be an object, got []'],
  [
    { source: fixed, services: {} },
    'source must have a method watch(): call fixed(), got the function itself',
  ],
  [
    { services: { a: { source: ['http://a'] } } },
    "services['a'].source must have a method watch(): write fixed([…]) for a list, got [ 'http://a' ]",
  ],
  [{ services: { a: {} } }, "services['a'] needs a source"],
  [{ services: { a: { service: 'b', source: fixed([]) } } }, "services['a'] cannot have service"],
  [
    { services: { a: 5 }, source: fixed([]) },
    "services['a'] must be a client or an object of options, got 5",
  ],
  [{ services: {}, defaults: { service: 'x' } }, 'defaults cannot have service'],
  [{ unknown: 'discover' }, "unknown: 'discover' needs a source"],
  [
    { services: {}, unknown: 'pass', otherwise: 'deny' },
    "unknown is 'pass' and otherwise is 'deny': leave otherwise out",
  ],
  [{ services: {}, suffixes: ['internal'] }, 'suffixes must be a list'],
  [{ services: {}, idleTimeout: 0 }, 'idleTimeout must be'],
  [
    { source: fixed([]), services: { a: {}, b: { retry: { attempts: 0 } } } },
    "services['b']: retry.attempts must be an integer >= 1, got 0",
  ],
  [
    { source: fixed([]), services: { a: {}, b: {} }, defaults: { retry: { attempts: 0 } } },
    'defaults: retry.attempts must be an integer >= 1, got 0',
  ],
  [
    { source: fixed([]), unknown: 'discover', defaults: { retry: { attempts: 0 } } },
    'defaults: retry.attempts must be an integer >= 1, got 0',
  ],
  [{ source: {}, unknown: 'discover' }, 'source must have a method watch(), got {}'],
  [{ source: 'consul', services: {} }, "source must have a method watch(), got 'consul'"],
  [{ services: { a: { source: {} } } }, "services['a'].source must have a method watch(), got {}"],
])('createFetch refuses %o', (options, message) => {
  expect(() => createFetch(options as FetchOptions)).toThrow(message)
})
