import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  createClient,
  fixed,
  roundRobin,
  type Client,
  type ClientOptions,
  type ClientUpdate,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { collect } from '../support/events.ts'
import { hang, reply, startServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const a = { id: 'a', url: 'http://127.0.0.1:1001' }
const b = { id: 'b', url: 'http://127.0.0.1:1002' }

const options = (clock: ManualClock): ClientOptions => ({
  service: 'svc',
  source: fixed([a, b]),
  balance: inOrder,
  retry: false,
  breaker: { failureThreshold: 2, openFor: 5000 },
  clock,
})

async function fail(client: Client, route?: string): Promise<void> {
  const boom = (): never => {
    throw new Error('boom')
  }
  await client.execute(boom, route === undefined ? {} : { route }).catch(() => {})
}

const stateOf = (client: Client, id = 'a'): string | undefined =>
  client.snapshot().instances.find(({ instance }) => instance.id === id)?.breaker

describe('update()', () => {
  it('applies to new calls, and not to calls in flight', async () => {
    await using server = await startServer(hang)
    await using client = createClient({
      service: 'svc',
      source: fixed([server.url]),
      retry: false,
      timeout: 60_000,
    })
    const controller = new AbortController()
    const before = client('/', { signal: controller.signal })
    await server.seen(1)
    client.update({ timeout: { total: 50 } })
    await expect(client('/')).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(await Promise.race([before, Promise.resolve('under way')])).toBe('under way')
    controller.abort()
    await expect(before).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('keeps breakers with their counts, and loads, and applies the new thresholds', async () => {
    const clock = new ManualClock()
    await using client = createClient(options(clock))
    await client.ready()
    await fail(client)
    client.update({ breaker: { failureThreshold: 3, openFor: 5000 } })
    await fail(client)
    expect(stateOf(client)).toBe('closed')
    await fail(client)
    expect(stateOf(client)).toBe('open')
    client.update({ retry: { attempts: 2 } })
    expect(stateOf(client)).toBe('open')
    client.update({ breaker: { failureThreshold: 1, openFor: 9000 } })
    expect(stateOf(client)).toBe('open')
    await clock.advance(5000)
    await client.execute(() => 'ok')
    expect(client.snapshot().instances[0]?.settled).toMatchObject({ success: 1, failure: 3 })
  })

  it('settles calls in flight with their old plan, even if their breaker is gone or their route has changed', async () => {
    const clock = new ManualClock()
    const routes = {
      'GET /x': { breaker: { failureThreshold: 1 } },
      'GET /y': { breaker: { failureThreshold: 1 } },
    }
    await using client = createClient({ ...options(clock), source: fixed([a]), routes })
    await client.ready()
    const { promise, reject } = Promise.withResolvers<never>()
    const underWay = client.execute(() => promise, { route: 'GET /y' })
    client.update({ routes: { 'GET /x': undefined }, breaker: false })
    reject(new Error('boom'))
    await expect(underWay).rejects.toThrow('boom')
    expect(client.snapshot().instances[0]).toMatchObject({ inFlight: 0, routes: { 'GET /y': 'open' } })
  })

  it('replaces the strategy only if it is given', async () => {
    await using one = await startServer(reply(200, 'one'))
    await using two = await startServer(reply(200, 'two'))
    await using client = createClient({ service: 'svc', source: fixed([one.url, two.url]), balance: inOrder })
    const read = async (): Promise<string> => (await client('/')).text()
    expect([await read(), await read(), await read()]).toEqual(['one', 'one', 'one'])
    client.update({ balance: roundRobin() })
    client.update({ timeout: 1000 })
    expect(new Set([await read(), await read()])).toEqual(new Set(['one', 'two']))
  })

  it('keeps unchanged limits, with the calls that they count', async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    await using client = createClient({ ...options(new ManualClock()), limit: { max: 1, queue: 0 } })
    await client.ready()
    const first = client.execute(() => promise)
    client.update({ retry: { attempts: 2 } })
    await expect(client.execute(() => 'x')).rejects.toMatchObject({ name: 'LimitExceededError' })
    client.update({ limit: { max: 2, queue: 0 } })
    await expect(client.execute(() => 'x')).resolves.toBe('x')
    resolve('done')
    await first
  })

  it('makes new pools for another transport, and lets requests in flight finish', async () => {
    await using server = await startServer(async (_request, response) => {
      await new Promise((resume) => setTimeout(resume, 50))
      response.end('ok')
    })
    await using client = createClient({ service: 'svc', source: fixed([server.url]) })
    const before = client('/')
    await server.seen(1)
    client.update({ transport: { connections: 1 } })
    const after = client('/')
    expect([await (await before).text(), await (await after).text()]).toEqual(['ok', 'ok'])
    await until(() => server.open <= 1)
  })

  it('reports in config:changed what has changed, and who changed it', async () => {
    await using client = createClient(options(new ManualClock()))
    const changed = collect(client, 'config:changed')
    client.update({ timeout: 100, routes: { 'GET /x': { retry: false } } }, { by: 'ops' })
    client.update({ timeout: 100 })
    client.update({ routes: { 'GET /x': undefined } })
    expect(changed.map(({ changed: names, by }) => ({ names, by }))).toEqual([
      { names: ['timeout', "routes['GET /x']"], by: 'ops' },
      { names: ["routes['GET /x']"], by: undefined },
    ])
  })

  it.each<[object, string]>([
    [{ service: 'other' }, 'update() cannot change service'],
    [{ source: fixed([]) }, 'update() cannot change source'],
    [{ timeuot: 5 }, 'did you mean timeout?'],
    [{ timeout: 100, breaker: { failureThreshold: 0 } }, 'breaker.failureThreshold must be'],
    [{ timeout: 100, routes: { 'GET /x': { retry: 5 } } }, "routes['GET /x'].retry"],
    [{ timeout: 100, balance: 5 }, 'balance'],
    [{ timeout: 100, transport: { connections: -1 } }, 'transport'],
    [{ timeout: 100, outliers: { interval: -1 } }, 'outliers.interval'],
    [{ timeout: 100, budget: { ratio: -1 } }, 'budget.ratio'],
    [{ timeout: 100, emptyGrace: -1 }, 'emptyGrace'],
    [{ timeout: 100, allow: { schemes: ['ftp'] } }, 'allow.schemes'],
  ])('rejects %o completely', async (update, message) => {
    await using client = createClient(options(new ManualClock()))
    const changed = collect(client, 'config:changed')
    expect(() => client.update(update as ClientUpdate)).toThrow(message)
    expect(changed).toEqual([])
    expect(client.explain().plan).toMatchObject({ total: 30_000 })
  })

  it('is not affected by later changes of the caller’s objects', async () => {
    await using client = createClient(options(new ManualClock()))
    const limit = { max: 5 }
    client.update({ limit })
    limit.max = 1
    expect(client.explain().limits).toMatchObject([{ limit: 5 }])
    client.update({ limit })
    expect(client.explain().limits).toMatchObject([{ limit: 1 }])
  })

  it('throws once the client is closed', async () => {
    const client = createClient(options(new ManualClock()))
    await client.close()
    expect(() => client.update({ timeout: 5 })).toThrow(
      expect.objectContaining({ code: 'ERR_OUTRIGGER_CLOSED' }),
    )
  })

  it('loses no call at any time', async () => {
    await using one = await startServer(reply(200, 'ok'))
    await using two = await startServer(reply(200, 'ok'))
    await using client = createClient({ service: 'svc', source: fixed([one.url, two.url]) })
    let isOver = false
    const load = async (): Promise<number> => {
      let good = 0
      for (let call = 0; call < 100; call++) {
        if ((await client(`/${call}`)).status === 200) good++
      }
      return good
    }
    const updates: ClientUpdate[] = [
      { balance: roundRobin() },
      { breaker: { failureRate: 0.5 } },
      { transport: { connections: 4 } },
      { limit: 100 },
      { breaker: false },
      { routes: { '/**': { breaker: {} } } },
    ]
    const change = async (): Promise<void> => {
      for (let turn = 0; turn < 10_000; turn++) {
        if (isOver) return
        client.update(updates[turn % updates.length] ?? {})
        await new Promise((resume) => setTimeout(resume, 2))
      }
    }
    const changing = change()
    const results = await Promise.all([load(), load(), load(), load()])
    isOver = true
    await changing
    expect(results).toEqual([100, 100, 100, 100])
    expect(client.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([0, 0])
  })

  it('leaves the client like a new one with the final options', async () => {
    const update = fc.record<ClientUpdate>(
      {
        timeout: fc.constantFrom(undefined, 100, { attempt: 50 }, false),
        retry: fc.constantFrom(undefined, false, { attempts: 2 }),
        breaker: fc.constantFrom(undefined, false, { failureThreshold: 1 }, { failureRate: 0.5 }),
        limit: fc.constantFrom(undefined, 5, { max: 3, perInstance: 2 }),
        hedge: fc.constantFrom(undefined, false, { after: 10 }),
        routes: fc.record(
          {
            'GET /x': fc.constantFrom(undefined, { retry: false }, { breaker: { failureThreshold: 4 } }),
            'GET /y': fc.constantFrom(undefined, { breaker: false }, { timeout: 5, limit: 2 }),
          },
          { requiredKeys: [] },
        ),
      } as never,
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(update, { maxLength: 6 }), async (updates) => {
        const clock = new ManualClock()
        await using client = createClient(options(clock))
        let final: ClientOptions = options(clock)
        for (const each of updates) {
          client.update(each)
          const routes = 'routes' in each ? { ...final.routes, ...each.routes } : final.routes
          const known = (record: object): object =>
            Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
          final = known({ ...final, ...each, ...(routes && { routes: known(routes) }) }) as ClientOptions
        }
        await using fresh = createClient(final)
        await Promise.all([client.ready(), fresh.ready()])
        for (const route of [undefined, 'GET /x', 'GET /y']) {
          expect({ ...client.explain(route) }).toEqual({ ...fresh.explain(route) })
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('dryRun()', () => {
  it('lets every call pass, reports what breakers would do, and can be undone', async () => {
    const clock = new ManualClock()
    const routes = { 'GET /x': { breaker: { failureThreshold: 1 } } }
    await using client = createClient({
      ...options(clock),
      source: fixed([a]),
      whenAllOpen: 'refuse',
      routes,
    })
    await client.ready()
    client.dryRun(true, { by: 'ops' })
    const opened = collect(client, 'breaker:open')
    for (let call = 0; call < 5; call++) await fail(client)
    await fail(client, 'GET /x')
    await expect(client.execute(() => 'ok', { route: 'GET /x' })).resolves.toBe('ok')
    expect(opened).toMatchObject([{ dryRun: true }, { dryRun: true, route: 'GET /x' }])
    client.dryRun(false)
    const run = vi.fn<() => string>(() => 'ok')
    await expect(client.execute(run, { route: 'GET /x' })).rejects.toMatchObject({ name: 'CircuitOpenError' })
    expect(run).not.toHaveBeenCalled()
  })
})
