import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  announce,
  consistentHash,
  createClient,
  fixed,
  MemoryRegistry,
  type Balancer,
  type ClientOptions,
} from '../../src/index.ts'
import { disown } from '../../src/hooks/disown.ts'
import { quote } from '../../src/quote.ts'
import { reply, startServer } from '../support/http-server.ts'
import { waitFor } from '../support/wait-for.ts'

const unheard = vi.fn<() => void>()
beforeEach(() => void process.on('unhandledRejection', unheard))
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off('unhandledRejection', unheard)
  // oxlint-disable-next-line vitest/no-standalone-expect -- it holds after each test
  expect(unheard).not.toHaveBeenCalled()
})

const message = 'user code, async by mistake'

/** What a user function may return or do that it should not. */
const STRANGE: Record<string, () => unknown> = {
  'a promise that rejects': () => Promise.reject(new Error(message)),
  'a promise of another realm that rejects': () => runInNewContext('Promise.reject(new Error("far away"))'),
  'a thenable that calls back with an error': () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- it is what is tried
    then: (_resolve: unknown, reject: (error: unknown) => void) => reject(new Error(message)),
  }),
  'an object whose then throws': () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- it is what is tried
    get then() {
      throw new Error(message)
    },
  }),
  'a Proxy whose traps throw': () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error(message)
        },
        getPrototypeOf: () => {
          throw new Error(message)
        },
        ownKeys: () => {
          throw new Error(message)
        },
      },
    ),
  'an object that cannot be inspected': () => ({
    [Symbol.for('nodejs.util.inspect.custom')]: () => {
      throw new Error(message)
    },
  }),
  'a thrown object without a prototype': () => {
    // oxlint-disable-next-line typescript/only-throw-error -- it is what is tried
    throw Object.create(null, { toString: { get: () => message } })
  },
}
const kinds = Object.keys(STRANGE)

const OPTIONS: Record<string, (hook: () => never) => Partial<ClientOptions>> = {
  classify: (classify) => ({ classify }),
  'retry.when': (when) => ({ retry: { when } }),
  'a key function': (key) => ({ balance: consistentHash({ key }) }),
  'a strategy': (pick) => ({ balance: pick }),
  'the settled of a strategy': (settled) => ({
    balance: { pick: ([first]) => first, settled },
  }),
  transport: (transport) => ({ transport }),
  fallback: (fallback) => ({ fallback }),
}

describe.each(Object.entries(OPTIONS))('%s', (_name, optionsOf) => {
  it.each(kinds)('that ends with %s neither ends the process nor blocks the call', async (kind) => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using one = await startServer(reply(503))
    await using two = await startServer(reply(503))
    const options = optionsOf(STRANGE[kind] as () => never)
    const source = fixed([one.url, two.url])
    await using client = createClient({
      service: 'svc',
      source,
      timeout: 4000,
      drainTimeout: 100,
      ...options,
    })
    const ends = [client('/x'), client.request('/x'), client.execute(() => client('/x'))]
    for (const end of await Promise.allSettled<unknown>(ends)) {
      const reason: unknown = end.status === 'rejected' ? end.reason : undefined
      expect(reason instanceof DOMException ? reason.name : 'in time').toBe('in time')
    }
    expect(client.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([0, 0])
  })
})

describe('a function whose result is not used', () => {
  it.each(kinds)('a listener that ends with %s does not affect the call', async (kind) => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using server = await startServer(reply(200))
    await using client = createClient({
      service: 'svc',
      source: fixed([server.url]),
    })
    client.on('attempt', STRANGE[kind] as () => unknown)
    expect((await client('/')).status).toBe(200)
  })

  it.each(kinds)(
    'onError and onRegistered that end with %s do not prevent the registration',
    async (kind) => {
      vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      const hook = STRANGE[kind] as () => void
      let tries = 0
      const registry = new MemoryRegistry()
      const flaky: Pick<MemoryRegistry, 'register'> = {
        register: (...args) => {
          if (tries++ === 0) throw new Error('down')
          return registry.register(...args)
        },
      }
      const options = {
        onError: hook,
        onRegistered: hook,
        backoff: { initial: 1, max: 1 },
      }
      const me = await announce(flaky, 'svc', { url: 'http://127.0.0.1:1' }, options)
      await waitFor(() => expect(me.registered).toBe(true))
      await me.close()
    },
  )

  it.each(kinds)('the path is left out if redactPath ends with %s', async (kind) => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using server = await startServer(reply(200))
    const redactPath = STRANGE[kind] as () => string
    await using client = createClient({
      service: 'svc',
      source: fixed([server.url]),
      redactPath,
    })
    const paths: unknown[] = []
    client.on('call', ({ path }) => paths.push(path))
    expect((await client('/')).status).toBe(200)
    expect(paths).toEqual([undefined])
  })

  it.each(kinds)('explain() does not throw if standing() of a strategy ends with %s', (kind) => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const balance: Balancer = {
      pick: ([first]) => first,
      standing: STRANGE[kind] as () => undefined,
    }
    const client = createClient({
      service: 'svc',
      source: fixed(['http://127.0.0.1:1']),
      balance,
    })
    expect(() => client.explain('/')).not.toThrow()
    return client.close()
  })

  it.each(kinds)('the attempt is sent if `within` ends with %s', async (kind) => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using server = await startServer(reply(200))
    await using client = createClient({
      service: 'svc',
      source: fixed([server.url]),
    })
    const hook = STRANGE[kind] as () => void
    client.on('attempt:start', (message) => Object.assign(message, { within: hook, sendWithin: hook }))
    expect((await client('/')).status).toBe(200)
  })

  it('rejected headers of a client are handled although those of the route throw', async () => {
    await using server = await startServer(reply(200))
    await using client = createClient({
      service: 'svc',
      source: fixed([server.url]),
      headers: () => Promise.reject(new Error('the client’s')),
      routes: {
        'GET /x': {
          headers: () => {
            throw new Error('the route’s')
          },
        },
      },
    })
    await expect(client('/x')).rejects.toThrow(/the (?:client|route)’s/)
  })

  it.each(kinds)('a body function that ends with %s leaves no attempt in flight', async (kind) => {
    await using server = await startServer(reply(200))
    await using client = createClient({
      service: 'svc',
      source: fixed([server.url]),
      drainTimeout: 100,
    })
    const call = client('/', {
      method: 'POST',
      body: STRANGE[kind] as () => never,
    })
    await Promise.allSettled([call])
    expect(client.snapshot().instances[0]?.inFlight).toBe(0)
  })
})

it.each(kinds)('quote() shows %s, or says that it cannot be shown', (kind) => {
  let value: unknown
  try {
    value = STRANGE[kind]!()
  } catch (thrown) {
    value = thrown
  }
  disown(value)
  expect(quote(value)).toMatch(/^.+$/)
})

it.each([
  new Error('first\r\nsecond'),
  { pending: Promise.resolve(new Error('a')) },
  { nested: new Error('a') },
])('quote() shows %o on one line, so that an error message cannot forge a line of a log', (value) => {
  disown(value)
  expect(quote(value)).toMatch(/^.+$/)
})
