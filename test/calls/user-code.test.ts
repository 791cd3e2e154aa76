import { Pool } from 'undici'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  createClient,
  fixed,
  roundRobin,
  type Classify,
  type Client,
  type ClientOptions,
  type Pick,
} from '../../src/index.ts'
import { collect, instanceOf } from '../support/events.ts'
import { ok, reply, startServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const clients: Client[] = []
function client(url: string, options: Partial<ClientOptions>): Client {
  const made = createClient({ service: 'svc', source: fixed([url]), ...options })
  clients.push(made)
  return made
}
afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.close()))
})

const idle = (users: Client): void => {
  for (const { inFlight, pending } of users.snapshot().instances) expect([inFlight, pending]).toEqual([0, 0])
}

/** Each door once. */
const doors: [string, (users: Client) => Promise<unknown>][] = [
  ['fetch', (users) => users('/x').then((response) => response.text())],
  ['request', (users) => users.request('/x').then(({ body }) => body.text())],
  ['execute', (users) => users.execute(() => ({ status: 503 }))],
]

describe.each(doors)('through %s,', (door, call) => {
  let warnings: unknown[]
  beforeEach(() => {
    warnings = []
    vi.spyOn(process, 'emitWarning').mockImplementation((...args) => void warnings.push(args[0]))
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('a retry.when that throws rejects the call with its error, after the first try and after later ones', async () => {
    await using server = await startServer(reply(503))
    let asked = 0
    const when = (): boolean => {
      if (++asked % 2 === 0) throw new RangeError('when')
      return true
    }
    const late = client(server.url, { breaker: false, retry: { attempts: 3, backoff: 1, when } })
    await expect(call(late)).rejects.toThrow('when')
    asked = 1
    await expect(call(late)).rejects.toThrow('when')
    idle(late)
  })

  it('a retry.when that returns no boolean causes one warning, and the default is used', async () => {
    await using server = await startServer(reply(500))
    const when = (async () => true) as unknown as () => boolean
    const users = client(server.url, { breaker: false, retry: { backoff: 1, when } })
    const settled = collect(users, 'attempt')
    // By default a function runs again, a 500 does not come again.
    const tries = door === 'execute' ? 3 : 1
    await call(users)
    expect(settled).toHaveLength(tries)
    await call(users)
    expect(warnings).toEqual([expect.stringContaining('retry.when returned Promise')])
  })

  it('a balancer that keeps picking an open endpoint gets none', async () => {
    await using server = await startServer(reply(503))
    const users = client(server.url, {
      source: fixed([server.url, 'http://127.0.0.1:1', 'http://127.0.0.1:2']),
      breaker: { failureThreshold: 1 },
      retry: false,
      balance: (_endpoints, { all }) => all?.[0],
    })
    await call(users)
    await expect(call(users)).rejects.toThrow('the balancer picked none')
    idle(users)
  })

  it.each<[string, unknown]>([
    ['the strategy that was not called', () => roundRobin],
    ['a promise', () => Promise.resolve()],
    ['null', () => null],
  ])('a balancer that picks %s causes an error that says so', async (_what, balance) => {
    const users = client('http://127.0.0.1:1', {
      source: fixed(['http://127.0.0.1:1', 'http://127.0.0.1:2']),
      retry: false,
      balance: balance as Pick,
    })
    await expect(call(users)).rejects.toThrow(/^balance must pick one of the endpoints it is given, got /)
    idle(users)
  })

  it('a balancer that throws for a call from the queue fails only that call', async () => {
    await using server = await startServer(reply(503))
    let throws = false
    const users = client(server.url, {
      source: fixed([server.url, server.url.replace('127.0.0.1', 'localhost')]),
      retry: false,
      breaker: false,
      limit: { max: 1, queue: 2 },
      balance: (endpoints) => {
        if (throws) throw new RangeError('pick')
        throws = true
        return endpoints[0]
      },
    })
    const [first, ...others] = await Promise.allSettled([call(users), call(users), call(users)])
    expect(first.status).toBe('fulfilled')
    for (const other of others) expect(other).toMatchObject({ reason: { message: 'pick' } })
    idle(users)
  })

  it('a balancer that throws for a hedge causes a warning, and the first try continues', async () => {
    const { promise: hedged, resolve: onHedge } = Promise.withResolvers<void>()
    await using server = await startServer(
      (_request, response) => void hedged.then(() => response.end('late')),
    )
    const users = client(server.url, {
      source: fixed([server.url, 'http://127.0.0.1:1']),
      hedge: { after: 5 },
      balance: (endpoints, { attempt }) => {
        if (attempt === 1) return endpoints[0]
        onHedge()
        throw new RangeError('pick')
      },
    })
    await (door === 'execute' ? users.execute(({ url }) => fetch(url)) : call(users))
    await until(() => warnings.length > 0)
    expect(warnings).toEqual([expect.stringContaining('pick')])
    await until(() => instanceOf(users, server.host).inFlight === 0)
  })

  it('a balancer that throws for a retry rejects the call with its error', async () => {
    await using server = await startServer(reply(503))
    await using other = await startServer(reply(503))
    const users = client(server.url, {
      source: fixed([server.url, other.url]),
      retry: { attempts: 3, backoff: 1 },
      balance: (endpoints, { attempt }) => {
        if (attempt > 1) throw new RangeError('pick')
        return endpoints[0]
      },
    })
    await expect(call(users)).rejects.toThrow('pick')
    idle(users)
  })

  it.each<[string, Classify]>([
    [
      'throws',
      () => {
        throw new RangeError('classify')
      },
    ],
    ['returns nonsense', (() => 'bogus') as unknown as Classify],
    ['returns a promise', (async () => 'failure') as unknown as Classify],
  ])('a classify that %s causes one warning, and the default is used', async (_how, classify) => {
    await using server = await startServer(reply(503))
    const users = client(server.url, { classify, retry: false, breaker: false })
    await call(users)
    await call(users)
    expect(users.snapshot().instances[0]?.settled).toEqual({
      success: 0,
      failure: 2,
      overload: 0,
      ignored: 0,
    })
    expect(warnings).toHaveLength(1)
    idle(users)
  })

  it('a balancer whose settled() throws causes a warning, and calls continue', async () => {
    await using server = await startServer(ok)
    const users = client(server.url, {
      retry: false,
      balance: {
        pick: (endpoints) => endpoints[0],
        settled() {
          throw new RangeError('settled')
        },
      },
    })
    await call(users)
    expect(warnings).toEqual([expect.stringContaining('settled')])
    idle(users)
  })
})

describe.each(doors.slice(0, 2))('through %s,', (_door, call) => {
  it('a response that will not be read is discarded if retry.when throws after a later try', async () => {
    await using server = await startServer(reply(503, 'x'.repeat(1_000_000)))
    let asked = 0
    const when = (): boolean => {
      if (++asked === 2) throw new RangeError('when')
      return true
    }
    const users = client(server.url, { breaker: false, retry: { attempts: 3, backoff: 1, when } })
    await expect(call(users)).rejects.toThrow('when')
    await until(() => instanceOf(users, server.host).inFlight === 0)
  })

  it.each<[string, () => never, RegExp]>([
    [
      'throws',
      () => {
        throw new RangeError('no transport today')
      },
      /no transport today/,
    ],
    ['gives no dispatcher', () => 5 as never, /transport\(\) must return an undici dispatcher, got 5/],
  ])('a transport that %s fails the call, and keeps no load', async (_how, transport, message) => {
    const users = client('http://127.0.0.1:1', { transport, retry: false })
    await expect(call(users)).rejects.toThrow(message)
    idle(users)
  })
})

it('a function that rejects with undefined counts as failed', async () => {
  const users = client('http://127.0.0.1:1', { retry: false })
  await expect(users.execute(() => Promise.reject<string>())).rejects.toBeUndefined()
  expect(users.snapshot().instances[0]?.settled).toMatchObject({ success: 0, failure: 1 })
})

it('a transport whose destroy() rejects causes a warning when its instance is removed', async () => {
  const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  await using server = await startServer(ok)
  const pool = new Pool(server.url)
  const users = client(server.url, {
    transport: () =>
      Object.assign(Object.create(pool) as Pool, {
        destroy: () => pool.destroy().then(() => Promise.reject(new RangeError('destroy'))),
      }),
  })
  await (await users('/')).text()
  await users.close()
  expect(emitted.mock.calls.map(([message]) => message)).toEqual([expect.stringContaining('destroy')])
  vi.restoreAllMocks()
})

it('params are used with every declared route key, and are an error without one', async () => {
  await using server = await startServer(ok)
  const users = client(server.url, { routes: { '/users/{id}': {}, '/files/**': {} } })
  await users('/users/{id}', { params: { id: 7 } })
  await users('/files/**', { params: { '**': 'a/b' } })
  expect(server.requests).toEqual(['GET /users/7', 'GET /files/a/b'])
  await expect(users('/other', { params: { id: 7 } })).rejects.toThrow(
    /params are for a route key: write 'GET \/other'/,
  )
})
