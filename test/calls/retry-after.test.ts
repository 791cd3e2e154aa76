import { describe, expect, it } from 'vitest'
import { createClient, fixed, random, type Client, type ClientOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { ok, reply, startServer } from '../support/http-server.ts'

function simulated(
  urls: string[],
  options: Partial<ClientOptions> = {},
): { users: Client; clock: ManualClock } {
  const clock = new ManualClock()
  const budget = { ratio: 1, minPerSecond: 100 }
  return { users: createClient({ service: 'svc', source: fixed(urls), clock, budget, ...options }), clock }
}

const busy = (seconds: string, status = 429): object => ({ status, headers: { 'retry-after': seconds } })

describe('Retry-After', () => {
  it('of the only instance makes the retry wait', async () => {
    const { users, clock } = simulated(['http://a.invalid'])
    const times: number[] = []
    const call = users.execute(() => {
      times.push(clock.now())
      return times.length === 1 ? busy('2') : { status: 200 }
    })
    await clock.advance(1_999)
    expect(times).toHaveLength(1)
    await clock.advance(1)
    expect(await call).toEqual({ status: 200 })
  })

  it('of one instance does not delay a try on another, and later calls avoid the first', async () => {
    const { users, clock } = simulated(['http://a.invalid', 'http://b.invalid'], {
      balance: (endpoints, request) => endpoints.find((endpoint) => !request.excluded(endpoint)),
    })
    const seen: string[] = []
    const run = ({ id }: { id: string }): object => {
      seen.push(`${id.slice(0, 1)}@${clock.now() < 1_000 ? 'soon' : 'later'}`)
      return id.startsWith('a') && clock.now() < 5_000 ? busy('5', 503) : { status: 200 }
    }
    const call = users.execute(run)
    await clock.advance(100)
    await call
    await users.execute(run)
    await clock.advance(5_000)
    await users.execute(run)
    expect(seen).toEqual(['a@soon', 'b@soon', 'b@soon', 'a@later'])
  })

  it('above maxRetryAfter means no retry: the caller gets the response immediately', async () => {
    const { users, clock } = simulated(['http://a.invalid'], { retry: { attempts: 2, maxRetryAfter: 1_000 } })
    const times: number[] = []
    const call = users.execute(() => {
      times.push(clock.now())
      return times.length === 1 ? busy('1.5') : { status: 200 }
    })
    await clock.advance(0)
    expect(await call).toMatchObject({ status: 429 })
    await clock.advance(10_000)
    expect(times).toEqual([0])
  })

  it.each([
    ['in seconds', '1'],
    ['as a date', 'later'],
  ])('%s is understood in a real response', async (_name, form) => {
    const started = Date.now()
    await using server = await startServer((_request, response) => {
      const value =
        form === 'later' ? new Date(Math.ceil(Date.now() / 1000) * 1000 + 1_000).toUTCString() : form
      response.writeHead(429, { 'retry-after': value }).end()
    }, ok)
    const users = createClient({ service: 'svc', source: fixed([server.url]) })
    expect((await users('/x')).status).toBe(200)
    expect(Date.now() - started).toBeGreaterThanOrEqual(900)
    await users.close()
  })
})

describe('a storm', () => {
  it.each([
    ['429', 429],
    ['503', 503],
  ])(
    'of %s responses without Retry-After causes no more retries than the budget allows',
    async (_name, status) => {
      const { users, clock } = simulated(['http://a.invalid', 'http://b.invalid'], {
        budget: { ratio: 0.1, minPerSecond: 1 },
        balance: random(),
        breaker: false,
      })
      let attempts = 0
      const calls = 1_000
      for (let i = 0; i < calls; i++) {
        void users.execute(() => {
          attempts++
          return { status }
        })
        await clock.advance(5)
      }
      await clock.advance(2_000)
      expect(attempts).toBeGreaterThan(calls)
      expect(attempts).toBeLessThanOrEqual(calls * 1.1)
    },
  )

  it('gives callers the failed response itself when the budget is empty', async () => {
    await using server = await startServer(reply(503, 'no'))
    const users = createClient({
      service: 'svc',
      source: fixed([server.url]),
      budget: { ratio: 0, minPerSecond: 0 },
    })
    const response = await users('/x')
    expect([response.status, await response.text()]).toEqual([503, 'no'])
    expect(server.requests).toHaveLength(1)
    await users.close()
  })
})

describe('retry.when', () => {
  it('can allow and forbid retries, and leaves the rest to the default', async () => {
    await using server = await startServer()
    const failures: unknown[] = []
    const users = createClient({
      service: 'svc',
      source: fixed([server.url]),
      breaker: false,
      budget: { ratio: 1, minPerSecond: 100 },
      retry: {
        attempts: 2,
        backoff: 1,
        when: (failure) => {
          failures.push(failure)
          return failure.status === 409 ? true : failure.status === 502 ? false : undefined
        },
      },
    })
    const statusOf = async (status: number): Promise<number> => {
      server.behave(reply(status), ok)
      const response = await users('/x')
      await response.text()
      return response.status
    }
    expect(await statusOf(409)).toBe(200)
    expect(await statusOf(502)).toBe(502)
    expect(await statusOf(503)).toBe(200)
    expect(await statusOf(404)).toBe(404)
    expect(failures[0]).toEqual({ attempt: 1, sent: true, status: 409 })
    await users.close()
  })
})
