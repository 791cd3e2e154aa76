import { describe, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions, type FailedCall } from '../../src/index.ts'
import { instanceOf } from '../support/events.ts'
import { hang, ok, refusedUrl, reply, reset, startServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

async function withClient(
  url: string,
  options: Partial<ClientOptions>,
  test: (users: Client, events: unknown[]) => Promise<void>,
): Promise<void> {
  const users = createClient({
    service: 'svc',
    source: fixed([url]),
    retry: false,
    breaker: false,
    ...options,
  })
  const events: unknown[] = []
  users.on('call:fallback', ({ at: _at, ...event }) => events.push(event))
  await test(users, events)
  await users.close()
}

describe('a fallback', () => {
  it('gets the last response and the call, and may return another response', async () => {
    await using server = await startServer(reply(503, 'no'))
    const seen: [number, string, FailedCall][] = []
    const fallback = async (failure: unknown, call: FailedCall): Promise<Response> => {
      const { status } = failure as Response
      seen.push([status, await (failure as Response).text(), call])
      return Response.json({ instead: true })
    }
    await withClient(server.url, { routes: { 'GET /users/{id}': { fallback } } }, async (users, events) => {
      const response = await users('/users/7?x=1')
      expect(await response.json()).toEqual({ instead: true })
      const url = 'http://svc/users/7?x=1'
      const call = { service: 'svc', route: 'GET /users/{id}', method: 'GET', url }
      expect(seen).toEqual([[503, 'no', call]])
      expect(events).toEqual([{ service: 'svc', route: 'GET /users/{id}', status: 503 }])
      expect((await users('/other')).status, 'other routes have none').toBe(503)
    })
  })

  it.each<[string, (failure: Response) => Response, string]>([
    ['makes its own answer', () => Response.json('own'), '"own"'],
    ['passes the body on', ({ body }) => new Response(body), 'n'.repeat(100_000)],
    ['passes a clone on', (failure) => failure.clone(), 'n'.repeat(100_000)],
    ['passes it on', (failure) => failure, 'n'.repeat(100_000)],
    [
      'throws',
      () => {
        throw new RangeError('fallback')
      },
      'fallback',
    ],
  ])('that %s does not keep the connection of the failed response', async (_how, fallback, text) => {
    await using server = await startServer(reply(503, 'n'.repeat(100_000)))
    const options = { fallback: (failure: unknown) => fallback(failure as Response) }
    await withClient(server.url, options, async (users) => {
      const answer = await users('/x').then(
        (response) => response.text(),
        (error: Error) => error.message,
      )
      expect(answer).toBe(text)
      await until(() => instanceOf(users, server.host).inFlight === 0)
    })
  })

  it('gets the error if there is no response, also an error of ours', async () => {
    await withClient(
      await refusedUrl(),
      { fallback: (error) => new Response(String(error)) },
      async (users) => {
        expect(await (await users('/x')).text()).toBe('TypeError: fetch failed')
      },
    )
    const open: Partial<ClientOptions> = {
      breaker: { failureThreshold: 1 },
      fallback: (e) => new Response(String(e)),
    }
    await withClient(await refusedUrl(), open, async (users) => {
      await users('/x')
      expect(await (await users('/x')).text()).toMatch(
        /^CircuitOpenError: every breaker in front of svc is open/,
      )
    })
  })

  it('is called once, after the retries', async () => {
    await using server = await startServer(reset)
    let fallbacks = 0
    const options: Partial<ClientOptions> = {
      retry: { attempts: 3, backoff: 1 },
      fallback: () => {
        fallbacks++
        return new Response('instead')
      },
    }
    await withClient(server.url, options, async (users) => {
      await users('/x')
      expect([server.requests.length, fallbacks]).toEqual([3, 1])
    })
  })

  it.each([
    ['undefined', undefined],
    ["'text'", 'text'],
    ['{ id: 7 }', { id: 7 }],
  ])('that returns %s causes an error that says what it must return', async (quoted, answer) => {
    await using server = await startServer(reply(503, 'no'))
    const fallback = (() => answer) as unknown as () => Response
    await withClient(server.url, { fallback }, async (users) => {
      await expect(users('/x')).rejects.toThrow(
        new TypeError(`fallback must return a Response, got ${quoted}`),
      )
    })
    await withClient(await refusedUrl(), { fallback }, async (users) => {
      await expect(users('/x')).rejects.toMatchObject({ cause: { message: 'fetch failed' } })
    })
  })

  it('may reject with its own error, and is turned off by false', async () => {
    await using server = await startServer(reply(500))
    const options: Partial<ClientOptions> = {
      fallback: () => {
        throw new RangeError('nothing instead')
      },
      routes: { 'GET /bare': { fallback: false } },
    }
    await withClient(server.url, options, async (users) => {
      await expect(users('/x')).rejects.toThrow('nothing instead')
      expect((await users('/bare')).status).toBe(500)
    })
  })

  it('is not called if the caller aborted, nor for good responses', async () => {
    await using server = await startServer(reply(404), hang)
    let asked = 0
    const fallback = (): Response => {
      asked++
      return new Response()
    }
    await withClient(server.url, { fallback }, async (users) => {
      expect((await users('/x')).status).toBe(404)
      const controller = new AbortController()
      const call = users('/x', { signal: controller.signal })
      await server.seen(2)
      controller.abort(new Error('enough'))
      await expect(call).rejects.toThrow('enough')
      expect(asked).toBe(0)
    })
  })
})

describe('a stale response', () => {
  it('replaces a failed response, is marked as stale, and is not used when too old', async () => {
    await using server = await startServer(reply(200, 'fresh'), reset)
    await withClient(server.url, { stale: { maxAge: 60_000 } }, async (users, events) => {
      expect(await (await users('/x')).text()).toBe('fresh')
      const stale = await users('/x')
      expect([stale.status, stale.headers.get('x-outrigger-stale'), await stale.text()]).toEqual([
        200,
        '0',
        'fresh',
      ])
      expect(stale.url).toBe('http://svc/x')
      expect(events).toMatchObject([{ service: 'svc', error: { message: 'fetch failed' } }])
      await expect(users('/y'), 'of another URL there is none').rejects.toThrow('fetch failed')
    })
    await withClient(server.url, { stale: { maxAge: 1 } }, async (users) => {
      server.behave(ok, reset)
      await (await users('/x')).text()
      await new Promise((resolve) => setTimeout(resolve, 10))
      await expect(users('/x')).rejects.toThrow('fetch failed')
    })
  })

  it('is used before the fallback, and is never given to another user', async () => {
    await using server = await startServer(reply(200, 'for alice'), reset)
    const options: Partial<ClientOptions> = {
      stale: { maxAge: 60_000 },
      fallback: () => new Response('nobody'),
    }
    await withClient(server.url, options, async (users) => {
      const as = async (user: string): Promise<string> =>
        (await users('/me', { headers: { authorization: user } })).text()
      expect(await as('alice')).toBe('for alice')
      expect(await as('alice')).toBe('for alice')
      expect(await as('bob')).toBe('nobody')
    })
  })
})

describe('a shared request', () => {
  it('gives each caller that waits for it a separate body', async () => {
    await using server = await startServer((_request, response) =>
      setTimeout(() => response.end('one for all'), 30),
    )
    await withClient(server.url, { coalesce: true }, async (users) => {
      const texts = await Promise.all([1, 2, 3].map(async () => (await users('/x')).text()))
      expect(texts).toEqual(Array(3).fill('one for all'))
      expect(server.requests).toHaveLength(1)
      await (await users('/x')).text()
      expect(server.requests, 'who comes later asks again').toHaveLength(2)
      await Promise.all([1, 2].map(async () => (await users('/x', { method: 'POST', body: 'x' })).text()))
      expect(server.requests, 'a POST is not shared').toHaveLength(4)
    })
  })

  it('continues for the others when one caller aborts, and ends when all have aborted', async () => {
    await using server = await startServer(
      (_request, response) => setTimeout(() => response.end('late'), 60),
      hang,
    )
    await withClient(server.url, { coalesce: true }, async (users) => {
      const controller = new AbortController()
      const leaver = expect(users('/x', { signal: controller.signal })).rejects.toThrow('enough')
      const stayer = users('/x')
      await server.seen(1)
      controller.abort(new Error('enough'))
      await leaver
      expect(await (await stayer).text()).toBe('late')
      const all = new AbortController()
      const calls = [1, 2].map(() => expect(users('/x', { signal: all.signal })).rejects.toThrow('all gone'))
      await server.seen(2)
      all.abort(new Error('all gone'))
      await Promise.all(calls)
      await expect.poll(() => users.snapshot().instances[0]?.inFlight).toBe(0)
    })
  })
})

// As docs/options.md says.
it.each<[string, Partial<ClientOptions>, number]>([
  ['once', {}, 1],
  ['again for the response of each caller with coalesce', { coalesce: true }, 4],
  ['again for the response with fallback', { fallback: () => new Response(), coalesce: false }, 2],
  ['again for the response with stale', { stale: { maxAge: 60_000 } }, 2],
])('fetch calls classify %s', async (_when, options, times) => {
  await using server = await startServer((_request, response) => setTimeout(() => response.end('x'), 30))
  let calls = 0
  const classify = (): undefined => void calls++
  await withClient(server.url, { ...options, classify }, async (users) => {
    const callers = options.coalesce === true ? 3 : 1
    await Promise.all(Array.from({ length: callers }, async () => (await users('/x')).text()))
    expect([server.requests.length, calls]).toEqual([1, times])
  })
})
