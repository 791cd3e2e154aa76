import { describe, expect, it } from 'vitest'
import { createClient, fixed, type ClientOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { collect, instanceOf } from '../support/events.ts'

const options = (clock: ManualClock): ClientOptions => ({
  service: 'user-service',
  source: fixed([
    { id: 'a', url: 'http://a:1' },
    { id: 'b', url: 'http://b:1' },
  ]),
  balance: inOrder,
  clock,
})

const never = (): Promise<never> => new Promise(() => {})
const fail = (): never => {
  throw new Error('failed')
}

describe('timeout.total', () => {
  it('ends a call, and counts against the instance whose try had most of the time', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), timeout: 1000 })
    const call = client.execute(never).catch((error: unknown) => error)
    await clock.advance(999)
    expect(instanceOf(client, 'a').inFlight).toBe(1)
    await clock.advance(1)
    expect(await call).toMatchObject({ name: 'TimeoutError' })
    expect(instanceOf(client, 'a')).toMatchObject({ inFlight: 0, settled: { failure: 1 } })
  })

  it('does not count against the instance of a try that started late', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), timeout: 1000, retry: { backoff: 0 } })
    const call = client
      .execute(async ({ id }) => {
        if (id === 'b') return never()
        await clock.sleep(800)
        return fail()
      })
      .catch((error: unknown) => error)
    await clock.advance(1000)
    expect(await call).toMatchObject({ name: 'TimeoutError' })
    expect(instanceOf(client, 'a').settled).toMatchObject({ failure: 1 })
    expect(instanceOf(client, 'b')).toMatchObject({ inFlight: 0, settled: { failure: 0, ignored: 1 } })
  })

  it('ends a call even if no attempt exceeds timeout.attempt', async () => {
    const clock = new ManualClock()
    await using client = createClient({
      ...options(clock),
      timeout: { total: 500, attempt: 200 },
      retry: { attempts: 10, backoff: 0 },
    })
    const attempts = collect(client, 'attempt')
    const call = client.execute(never).catch((error: unknown) => error)
    await clock.advance(500)
    expect(await call).toMatchObject({ name: 'TimeoutError' })
    expect(attempts.map(({ duration }) => duration)).toEqual([200, 200, 100])
  })

  it('does not exist with timeout: false', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), timeout: false })
    const gate = Promise.withResolvers<string>()
    const call = client.execute(() => gate.promise)
    await clock.advance(1e9)
    expect(clock.timers).toBe(0)
    gate.resolve('at last')
    expect(await call).toBe('at last')
  })

  it('is 30 seconds by default', async () => {
    const clock = new ManualClock()
    await using client = createClient(options(clock))
    const call = client.execute(never).catch((error: unknown) => error)
    await clock.advance(29_999)
    expect(instanceOf(client, 'a').inFlight).toBe(1)
    await clock.advance(1)
    expect(await call).toMatchObject({ name: 'TimeoutError' })
  })
})

describe('a result that comes after its try timed out', () => {
  it('changes neither the result of the call nor the counters', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), timeout: { attempt: 100 }, retry: { backoff: 0 } })
    const call = client.execute(async ({ id }) => {
      if (id === 'a') await clock.sleep(150)
      return id
    })
    await clock.advance(100)
    expect(await call).toBe('b')
    await clock.advance(100)
    expect(instanceOf(client, 'a')).toMatchObject({ inFlight: 0, settled: { success: 0, failure: 1 } })
  })

  it('causes no unhandled rejection if it is an error', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), timeout: 100, retry: false })
    const unhandled: unknown[] = []
    const onUnhandled = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', onUnhandled)
    const call = client
      .execute(async () => {
        await clock.sleep(150)
        return fail()
      })
      .catch((error: unknown) => error)
    await clock.advance(200)
    expect(await call).toMatchObject({ name: 'TimeoutError' })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', onUnhandled)
    expect(unhandled).toEqual([])
  })
})

describe('the retry budget', () => {
  it('limits the retries that a service gets while it is down', async () => {
    const clock = new ManualClock()
    await using client = createClient({
      ...options(clock),
      breaker: false,
      retry: { attempts: 3, backoff: 0 },
      budget: { ratio: 0.1, minPerSecond: 0.5 },
    })
    const attempts = collect(client, 'attempt')
    for (let call = 0; call < 1000; call++) {
      const running = client.execute(fail).catch(() => {})
      await clock.advance(1)
      await running
    }
    expect(attempts.length - 1000).toBe(100)
  })
})
