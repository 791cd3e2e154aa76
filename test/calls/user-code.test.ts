import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient, fixed, type Classify, type Client, type ClientOptions } from '../../src/index.ts'
import { ok, reply, startServer } from '../support/http-server.ts'

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

describe.each(doors)('through %s,', (_door, call) => {
  let warnings: unknown[]
  beforeEach(() => {
    warnings = []
    vi.spyOn(process, 'emitWarning').mockImplementation((...args) => void warnings.push(args[0]))
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('a retry.when that throws ends the call with its error, at the first try and at a later one', async () => {
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

  it('a strategy that throws at a retry ends the call with its error', async () => {
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
  ])('a classify that %s is warned of once, and the default is used', async (_how, classify) => {
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

  it('a strategy whose settled() throws is warned of, and calls go on', async () => {
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
  it.each<[string, () => never, RegExp]>([
    [
      'throws',
      () => {
        throw new RangeError('no transport today')
      },
      /no transport today/,
    ],
    [
      'gives no dispatcher',
      () => 5 as never,
      /what transport\(\) returns must have a method dispatch\(\), got 5/,
    ],
  ])('a transport that %s fails the call, and holds nothing', async (_how, transport, message) => {
    const users = client('http://127.0.0.1:1', { transport, retry: false })
    await expect(call(users)).rejects.toThrow(message)
    idle(users)
  })
})

it('a function that rejects with undefined has failed', async () => {
  const users = client('http://127.0.0.1:1', { retry: false })
  await expect(users.execute(() => Promise.reject<string>())).rejects.toBeUndefined()
  expect(users.snapshot().instances[0]?.settled).toMatchObject({ success: 0, failure: 1 })
})

it('params go with any route key that was declared, and are not dropped silently', async () => {
  await using server = await startServer(ok)
  const users = client(server.url, { routes: { '/users/{id}': {}, '/files/**': {} } })
  await users('/users/{id}', { params: { id: 7 } })
  await users('/files/**', { params: { '**': 'a/b' } })
  expect(server.requests).toEqual(['GET /users/7', 'GET /files/a/b'])
  await expect(users('/other', { params: { id: 7 } })).rejects.toThrow(
    /params are for a route key: write 'GET \/other'/,
  )
})
