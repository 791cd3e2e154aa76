import { once } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { CircuitBreaker, CircuitOpenError, type CircuitBreakerOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const boom = new Error('boom')
const fail = (): Promise<never> => Promise.reject(boom)
const ok = (): string => 'ok'

function setUp(options: CircuitBreakerOptions = {}): {
  breaker: CircuitBreaker
  clock: ManualClock
} {
  const clock = new ManualClock()
  const policy = {
    failureThreshold: 2,
    successThreshold: 1,
    openFor: 1000,
    ...options,
  }
  return { breaker: new CircuitBreaker({ ...policy, clock }), clock }
}

async function failing(breaker: CircuitBreaker, times: number): Promise<void> {
  for (let call = 0; call < times; call++) await breaker.execute(fail).catch(() => {})
}

describe('a Response', () => {
  it.each([
    [200, 'closed'],
    [404, 'closed'],
    [501, 'closed'],
    [500, 'open'],
    [503, 'open'],
  ])('with status %s counts by its status: %s', async (status, state) => {
    const { breaker } = setUp()
    for (let call = 0; call < 2; call++) {
      expect((await breaker.execute(() => new Response(null, { status }))).status).toBe(status)
    }
    expect(breaker.state).toBe(state)
  })

  it('with Retry-After keeps an open breaker open for that time', async () => {
    const { breaker, clock } = setUp({ classify: () => 'failure' })
    const busy = (): Response => new Response(null, { status: 503, headers: { 'retry-after': '5' } })
    await breaker.execute(busy)
    await breaker.execute(busy)
    await clock.advance(4000)
    expect(breaker.state).toBe('open')
    await clock.advance(1000)
    expect(breaker.state).toBe('half-open')
  })

  it('is only an object with a status and headers, and not a row of a table', async () => {
    const { breaker } = setUp()
    for (let call = 0; call < 5; call++) await breaker.execute(() => ({ status: 500, headers: 'none' }))
    expect(breaker.state).toBe('closed')
  })
})

describe('timeout', () => {
  it('is counted before the caller gets its error', async () => {
    const breaker = new CircuitBreaker({ timeout: 5, failureThreshold: 2 })
    const hangs = (): Promise<unknown> => breaker.execute(() => new Promise(() => {}))
    const heeds = (): Promise<unknown> =>
      breaker.execute(
        ({ signal }) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason))),
      )
    await expect(hangs()).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(breaker.snapshot().counts.consecutive).toBe(1)
    await expect(heeds()).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(breaker.state).toBe('open')
  })

  it('of the caller is counted before the caller gets its error', async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 2 })
    const limited = (fn: (context: { signal: AbortSignal }) => Promise<unknown>): Promise<unknown> => {
      const controller = new AbortController()
      const call = breaker.execute(fn, { signal: controller.signal })
      controller.abort(new DOMException('too slow', 'TimeoutError'))
      return call
    }
    await expect(limited(() => new Promise(() => {}))).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    expect(breaker.snapshot().counts.consecutive).toBe(1)
    const heeds = limited(
      ({ signal }) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason))),
    )
    await expect(heeds).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(breaker.state).toBe('open')
  })

  it('rejects with a TimeoutError, aborts the function’s signal, and counts', async () => {
    const { breaker, clock } = setUp({ timeout: 100, name: 'reports' })
    const signals: AbortSignal[] = []
    const calls = [1, 2].map(() =>
      breaker.execute(({ signal }) => {
        signals.push(signal)
        return new Promise(() => {})
      }),
    )
    const ends = Promise.allSettled(calls)
    await clock.advance(100)
    for (const end of await ends) {
      expect(end).toMatchObject({
        reason: {
          name: 'TimeoutError',
          message: 'reports took longer than 100 ms',
        },
      })
    }
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(breaker.state).toBe('open')
    expect(clock.timers).toBe(0)
  })

  it('leaves no timer after a call that ended in time or was aborted', async () => {
    const { breaker, clock } = setUp({ timeout: 100 })
    expect(await breaker.execute(ok)).toBe('ok')
    const controller = new AbortController()
    const aborted = breaker.execute(() => new Promise(() => {}), {
      signal: controller.signal,
    })
    controller.abort(new Error('mine'))
    await expect(aborted).rejects.toThrow('mine')
    expect(clock.timers).toBe(0)
    expect(breaker.snapshot().counts.consecutive).toBe(0)
  })
})

describe('by hand', () => {
  it('open(ms) recovers as usual', async () => {
    const { breaker, clock } = setUp()
    breaker.open(500)
    await expect(breaker.execute(ok)).rejects.toMatchObject({
      name: 'CircuitOpenError',
      retryAfter: 500,
    })
    await clock.advance(500)
    expect(await breaker.execute(ok)).toBe('ok')
    expect(breaker.state).toBe('closed')
    breaker.open()
    expect(breaker.snapshot()).toMatchObject({
      state: 'open',
      retryAfter: 1000,
      isolated: false,
    })
  })

  it('isolated differs from open, and lasts until reset()', async () => {
    const { breaker, clock } = setUp()
    breaker.isolate()
    await clock.advance(1e9)
    expect(breaker.isolated).toBe(true)
    expect(breaker.snapshot()).toMatchObject({ state: 'open', isolated: true })
    expect(breaker.snapshot()).not.toHaveProperty('retryAfter')
    await expect(breaker.execute(ok)).rejects.toThrow('the circuit is isolated by hand')
    breaker.reset()
    expect(breaker.isolated).toBe(false)
  })

  it('enabled and dryRun can be changed at any time', async () => {
    const { breaker } = setUp()
    breaker.enabled = false
    await failing(breaker, 5)
    expect(breaker.snapshot()).toMatchObject({
      state: 'closed',
      enabled: false,
      counts: { consecutive: 0 },
    })
    breaker.enabled = true
    breaker.dryRun = true
    await failing(breaker, 5)
    expect(await breaker.execute(ok)).toBe('ok')
    breaker.dryRun = false
    await expect(breaker.execute(ok)).rejects.toThrow(CircuitOpenError)
  })
})

describe('snapshot(), toJSON() and restore()', () => {
  it('report the state, the counts, the rates and the refusals', async () => {
    const { breaker } = setUp({
      name: 'db',
      failureThreshold: Infinity,
      failureRate: 0.5,
      minimumCalls: 2,
      window: { calls: 4 },
    })
    await breaker.execute(ok)
    await failing(breaker, 1)
    await breaker.execute(ok).catch(() => {})
    breaker.tryAcquire()
    expect(breaker.snapshot()).toEqual({
      name: 'db',
      state: 'open',
      isolated: false,
      enabled: true,
      dryRun: false,
      counts: { consecutive: 1, calls: 2, failures: 1, slow: 0 },
      refused: 2,
      retryAfter: 1000,
    })
  })

  it.each(['closed', 'open', 'isolated'] as const)('restore %s in another breaker', async (state) => {
    const { breaker, clock } = setUp()
    if (state === 'open') await failing(breaker, 2)
    if (state === 'isolated') breaker.isolate()
    await clock.advance(300)
    const saved = JSON.parse(JSON.stringify(breaker)) as ReturnType<CircuitBreaker['toJSON']>
    expect(saved.state).toBe(state)
    const other = setUp()
    other.breaker.restore(saved)
    expect(other.breaker.toJSON()).toEqual(saved)
    if (state !== 'open') return
    await other.clock.advance(700)
    expect(other.breaker.state).toBe('half-open')
  })

  it('restore the growth of the open time', async () => {
    const openFor = { initial: 1000, factor: 2, max: 60_000, jitter: 0 }
    const { breaker, clock } = setUp({ openFor })
    await failing(breaker, 2)
    for (const [round, ms] of [1000, 2000].entries()) {
      expect(breaker.toJSON()).toEqual({
        state: 'open',
        retryAfter: ms,
        growth: round + 1,
      })
      await clock.advance(ms)
      await failing(breaker, 1)
    }
    const saved = JSON.parse(JSON.stringify(breaker)) as ReturnType<CircuitBreaker['toJSON']>
    expect(saved).toEqual({ state: 'open', retryAfter: 4000, growth: 3 })
    const other = setUp({ openFor })
    other.breaker.restore(saved)
    expect(other.breaker.toJSON()).toEqual(saved)
    await other.clock.advance(4000)
    await failing(other.breaker, 1)
    expect(other.breaker.toJSON()).toEqual({
      state: 'open',
      retryAfter: 8000,
      growth: 4,
    })
    // Up to the limit to which it grows by itself.
    other.breaker.restore({ state: 'open', retryAfter: 1, growth: 1000 })
    expect(other.breaker.toJSON()).toMatchObject({ growth: 7 })
    other.breaker.reset()
    expect(other.breaker.toJSON()).toEqual({ state: 'closed' })
  })

  it.each([
    [{ state: 'ajar' }, /restore\(\)\.state must be 'closed', 'open' or 'isolated', got 'ajar'/],
    [{ state: 'open' }, /restore\(\)\.retryAfter must be/],
    [{ state: 'open', retryAfter: Infinity }, /./],
    [{ state: 'open', retryAfter: 5, growth: -1 }, /restore\(\)\.growth must be an integer/],
    [{ state: 'open', retryAfter: 5, growth: 1e9 }, /restore\(\)\.growth must be an integer/],
    [5, /restore\(\)/],
  ])('restore(%o) is rejected, and changes nothing', async (state, message) => {
    const { breaker } = setUp()
    expect(() => breaker.restore(state as never)).toThrow(message)
    expect(breaker.state).toBe('closed')
  })
})

it('restore() accepts what toJSON() returns while a probe hangs', async () => {
  const { breaker, clock } = setUp({ probeTimeout: Infinity })
  await failing(breaker, 2)
  await clock.advance(1000)
  void breaker.execute(() => new Promise(() => {}))
  const saved = JSON.parse(JSON.stringify(breaker)) as ReturnType<CircuitBreaker['toJSON']>
  expect(saved).toEqual({ state: 'open', retryAfter: 0 })
  await expect(breaker.execute(ok)).rejects.toThrow('the circuit is open')
  const other = setUp()
  other.breaker.restore(saved)
  await other.clock.advance(1)
  expect(await other.breaker.execute(ok)).toBe('ok')
})

it('five 503s with Retry-After open the breaker', async () => {
  const { breaker } = setUp({ failureThreshold: 5 })
  const busy = (): Response => new Response(null, { status: 503, headers: { 'retry-after': '60' } })
  for (let call = 0; call < 5; call++) await breaker.execute(busy)
  expect(breaker.snapshot()).toMatchObject({
    state: 'open',
    retryAfter: 60_000,
  })
})

describe('events and errors', () => {
  it('contain the last failure, the counts, and the name of the breaker', async () => {
    const { breaker } = setUp({ name: 'db' })
    const opened = vi.fn<(event: object) => void>()
    const refused = vi.fn<(event: object) => void>()
    breaker.on('open', opened).on('refused', refused)
    await failing(breaker, 2)
    expect(opened).toHaveBeenCalledWith(
      expect.objectContaining({
        name: 'db',
        error: boom,
        counts: { consecutive: 2 },
        openFor: 1000,
      }),
    )
    const refusal = breaker.execute(ok)
    await expect(refusal).rejects.toMatchObject({
      message: 'the circuit of db is open',
      cause: boom,
      retryAfter: 1000,
    })
    expect(refused).toHaveBeenCalledWith({
      at: 0,
      name: 'db',
      retryAfter: 1000,
    })
  })

  it('once() of node:events gets them', async () => {
    const { breaker } = setUp()
    const heard = once(breaker as never, 'open')
    await failing(breaker, 2)
    expect(await heard).toMatchObject([{ to: 'open' }])
  })
})

it('a refusal contains the counts with which calls opened the breaker', async () => {
  const { breaker, clock } = setUp()
  await failing(breaker, 2)
  const refusal = breaker.execute(ok)
  const counts = { consecutive: 2 }
  await expect(refusal).rejects.toMatchObject({
    name: 'CircuitOpenError',
    counts,
    cause: boom,
  })
  // A failed probe changes no counts: those of the calls that opened the breaker stay.
  await clock.advance(1000)
  await failing(breaker, 1)
  await expect(breaker.execute(ok)).rejects.toMatchObject({ counts })
  breaker.reset()
  breaker.open()
  await expect(breaker.execute(ok)).rejects.toMatchObject({
    counts: undefined,
  })
})

describe('wrap()', () => {
  it('passes the signal to a function that asks for it', async () => {
    const { breaker, clock } = setUp({ timeout: 50 })
    const signals: AbortSignal[] = []
    const wait = breaker.wrap(
      function wait(this: void, { signal }, ms: number) {
        signals.push(signal)
        return clock.sleep(ms)
      },
      { context: 'first' },
    )
    const answer = wait(100)
    const failed = expect(answer).rejects.toThrow('took longer than 50 ms')
    await clock.advance(50)
    await failed
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(() => breaker.wrap(fail, { context: 'last' as never })).toThrow(
      "wrap()'s context must be 'first', got 'last'",
    )
    expect(() => breaker.wrap(fail, { contxt: 'first' } as never)).toThrow('contxt')
  })

  it('returns the same function behind the breaker', async () => {
    const { breaker } = setUp()
    const add = breaker.wrap((a: number, b: number) => a + b)
    expect(await add(1, 2)).toBe(3)
    const row = {
      id: 7,
      read: breaker.wrap(function read(this: { id: number }) {
        return this.id
      }),
    }
    expect(await row.read()).toBe(7)
    breaker.isolate()
    await expect(add(1, 2)).rejects.toThrow(CircuitOpenError)
    expect(() => breaker.wrap(5 as never)).toThrow("wrap()'s argument must be a function, got 5")
  })
})

it.each([
  [{ name: 5 }, 'breaker.name must be a string, got 5'],
  [{ timeout: 0 }, 'breaker.timeout must be'],
  [{ enabled: 'yes' }, 'breaker.enabled must be true or false'],
])('rejects %o', (options, message) => {
  expect(() => new CircuitBreaker(options as CircuitBreakerOptions)).toThrow(message)
})
