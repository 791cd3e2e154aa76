import { afterEach, describe, expect, expectTypeOf, test, vi } from 'vitest'
import { CircuitBreaker } from '../../src/breaker/circuit-breaker.ts'
import type { CircuitBreakerEvent, CircuitBreakerOptions } from '../../src/breaker/standalone-types.ts'
import { CircuitOpenError, NoInstanceError } from '../../src/errors.ts'
import type { BreakerReason, Outcome } from '../../src/observe/events.ts'
import { ManualClock } from '../../src/testing/clock.ts'

type Classify = NonNullable<CircuitBreakerOptions['classify']>

const boom = new Error('boom')
const fail = (): Promise<never> => Promise.reject(boom)
const ok = (): string => 'ok'

function setUp(options: CircuitBreakerOptions = {}): {
  breaker: CircuitBreaker
  clock: ManualClock
} {
  const clock = new ManualClock()
  const defaults = {
    failureThreshold: 3,
    openFor: 5_000,
    successThreshold: 3,
    clock,
  }
  return { breaker: new CircuitBreaker({ ...defaults, ...options }), clock }
}

async function trip(breaker: CircuitBreaker, times = 3): Promise<void> {
  for (let i = 0; i < times; i++) await expect(breaker.execute(fail)).rejects.toBe(boom)
}

describe('execute', () => {
  test('returns what the function returns, promise or not', async () => {
    const { breaker } = setUp()
    const result = breaker.execute(() => 42)
    expectTypeOf(result).toEqualTypeOf<Promise<number>>()
    expect(await result).toBe(42)
    expect(await breaker.execute(() => Promise.resolve('later'))).toBe('later')
  })

  test('rethrows the error of the function, thrown or rejected', async () => {
    const { breaker } = setUp()
    await trip(breaker, 1)
    const thrower = (): never => {
      throw boom
    }
    await expect(breaker.execute(thrower)).rejects.toBe(boom)
    await trip(breaker, 1)
    expect(breaker.state).toBe('open')
  })

  test('a complete cycle: opens, refuses without a call, probes, closes', async () => {
    const { breaker, clock } = setUp()
    await trip(breaker)
    await clock.advance(1_000)
    const fn = vi.fn<() => string>(ok)
    const error = await breaker.execute(fn).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(CircuitOpenError)
    expect(error).toMatchObject({
      name: 'CircuitOpenError',
      code: 'ERR_OUTRIGGER_CIRCUIT_OPEN',
      message: 'the circuit is open',
      retryAfter: 4_000,
    })
    expect((error as Error).stack).toBe('CircuitOpenError: the circuit is open')
    expect(fn).not.toHaveBeenCalled()
    await clock.advance(4_000)
    expect(breaker.state).toBe('half-open')
    for (let i = 0; i < 3; i++) await breaker.execute(fn)
    expect(breaker.state).toBe('closed')
    expect(clock.timers).toBe(0)
  })

  test('an isolated breaker has an infinite retryAfter', async () => {
    const { breaker } = setUp()
    breaker.isolate()
    await expect(breaker.execute(ok)).rejects.toMatchObject({
      retryAfter: Infinity,
    })
    breaker.reset()
    expect(await breaker.execute(ok)).toBe('ok')
  })

  test('of many concurrent calls in half-open one is admitted, and closing admits none of the others', async () => {
    const { breaker, clock } = setUp({ successThreshold: 1 })
    await trip(breaker)
    await clock.advance(5_000)
    const { promise, resolve } = Promise.withResolvers<string>()
    const fn = vi.fn<() => Promise<string>>(() => promise)
    const calls = Array.from({ length: 50 }, () => breaker.execute(fn))
    const settled = Promise.allSettled(calls)
    resolve('ok')
    expect((await settled).filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(breaker.state).toBe('closed')
    await clock.advance(60_000)
    expect(fn).toHaveBeenCalledOnce()
  })

  test('measures slow calls with its clock', async () => {
    const { breaker, clock } = setUp({
      slowCallRate: 1,
      slowCallDuration: 100,
      minimumCalls: 1,
    })
    await Promise.all([breaker.execute(() => clock.sleep(99)), clock.advance(99)])
    expect(breaker.state).toBe('closed')
    breaker.reset()
    await Promise.all([breaker.execute(() => clock.sleep(100)), clock.advance(100)])
    expect(breaker.state).toBe('open')
  })
})

describe('an error of the caller', () => {
  type Execute = (...args: unknown[]) => Promise<unknown>
  const { signal } = new AbortController()

  test.each<[string, unknown[], string]>([
    ['no function', [], "execute()'s first argument must be a function, got undefined"],
    ['a number for one', [5], "execute()'s first argument must be a function, got 5"],
    ['a promise for one', [Promise.resolve()], "execute()'s first argument must be a function, got Promise"],
    ['options that are none', [ok, 5], "execute()'s options must be an object, got 5"],
    ['null for options', [ok, null], "execute()'s options must be an object, got null"],
    ['the signal for options', [ok, signal], "execute()'s options must be an object, got AbortSignal"],
    [
      'an unknown option',
      [ok, { sgnal: signal }],
      "execute()'s options.sgnal is not an option; known: signal",
    ],
    ['an object for a signal', [ok, { signal: {} }], 'signal must have a method addEventListener(), got {}'],
    ['null for a signal', [ok, { signal: null }], 'signal must have a method addEventListener(), got null'],
  ])('%s: rejects, is not counted and takes no permit', async (_what, args, message) => {
    const { breaker, clock } = setUp({ failureThreshold: 1 })
    const execute = breaker.execute.bind(breaker) as Execute
    const mistake = async (): Promise<void> => {
      const error = await execute(...args).catch((error: unknown) => error)
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).message).toContain(message)
    }
    await mistake()
    expect(breaker.state).toBe('closed')
    await trip(breaker, 1)
    await mistake()
    await clock.advance(5_000)
    await mistake()
    expect(await breaker.execute(ok)).toBe('ok')
  })

  test('options may have no signal', async () => {
    const { breaker } = setUp()
    expect(await breaker.execute(ok, {})).toBe('ok')
    expect(await breaker.execute(ok, { signal: undefined })).toBe('ok')
  })
})

function hear({ signal }: { signal: AbortSignal }): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

describe('the signal', () => {
  test('is the caller’s own, or one that never aborts and is the same each time', async () => {
    const { breaker } = setUp()
    const { signal } = new AbortController()
    expect(await breaker.execute((context) => context.signal, { signal })).toBe(signal)
    const [first, second] = await breaker.execute((context) => [context.signal, context.signal])
    expect(first).toBeInstanceOf(AbortSignal)
    expect(second).toBe(first)
    expect(first?.aborted).toBe(false)
    expect(await breaker.execute(({ signal }) => signal)).not.toBe(first)
  })

  test('already aborted: rejects with its reason, takes no permit', async () => {
    const { breaker, clock } = setUp()
    await trip(breaker)
    await clock.advance(5_000)
    const fn = vi.fn<() => string>(ok)
    await expect(breaker.execute(fn, { signal: AbortSignal.abort(boom) })).rejects.toBe(boom)
    expect(fn).not.toHaveBeenCalled()
    expect(await breaker.execute(ok)).toBe('ok')
  })

  test('a failure after the caller aborted is not counted, and frees its probe slot', async () => {
    const { breaker, clock } = setUp()
    const aborted = async (): Promise<void> => {
      const controller = new AbortController()
      const call = breaker.execute(({ signal }) => clock.sleep(1_000, signal), {
        signal: controller.signal,
      })
      controller.abort(boom)
      await expect(call).rejects.toBe(boom)
    }
    for (let i = 0; i < 9; i++) await aborted()
    expect(breaker.state).toBe('closed')
    await trip(breaker)
    await clock.advance(5_000)
    for (let i = 0; i < 9; i++) await aborted()
    expect(breaker.state).toBe('half-open')
    for (let i = 0; i < 3; i++) await breaker.execute(ok)
    expect(breaker.state).toBe('closed')
  })

  test('an abort of one call does not affect others', async () => {
    const { breaker, clock } = setUp()
    const controller = new AbortController()
    const a = breaker.execute(({ signal }) => clock.sleep(10, signal), {
      signal: controller.signal,
    })
    const b = breaker.execute(({ signal }) => clock.sleep(10, signal).then(ok))
    controller.abort(boom)
    await expect(a).rejects.toBe(boom)
    await clock.advance(10)
    expect(await b).toBe('ok')
  })

  test('ends the call at once, even if the function goes on; a later result changes nothing', async () => {
    const { breaker } = setUp()
    const rest = Promise.withResolvers<string>()
    const controller = new AbortController()
    const call = breaker.execute(() => rest.promise, {
      signal: controller.signal,
    })
    controller.abort(boom)
    await expect(call).rejects.toBe(boom)
    await trip(breaker, 2)
    rest.resolve('too late')
    await rest.promise
    await trip(breaker, 1)
    expect(breaker.state).toBe('open')
  })

  test('a TimeoutError counts against a function that goes on, or that fails because of it', async () => {
    const { breaker } = setUp()
    const late = new DOMException('too slow', 'TimeoutError')
    for (const fn of [() => new Promise<never>(() => {}), hear]) {
      for (let i = 0; i < 3; i++) {
        const controller = new AbortController()
        const call = breaker.execute(fn, { signal: controller.signal })
        controller.abort(late)
        await expect(call).rejects.toBe(late)
        expect(breaker.state).toBe(i < 2 ? 'closed' : 'open')
      }
      breaker.reset()
    }
  })

  test('a TimeoutError does not count against a result that came in time', async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 1 })
    const controller = new AbortController()
    // It behaves like a response that is in a socket while the process is busy.
    const answer = new Promise((resolve) => setImmediate(resolve, 'done'))
    const call = breaker.execute(() => answer, { signal: controller.signal })
    controller.abort(new DOMException('too slow', 'TimeoutError'))
    await expect(call).rejects.toThrow('too slow')
    await answer
    await new Promise((resolve) => setImmediate(resolve))
    expect(breaker.state).toBe('closed')
  })
})

describe('what counts', () => {
  test('a refusal by Outrigger inside does not count', async () => {
    const { breaker } = setUp()
    const refusal = new NoInstanceError('none')
    for (let i = 0; i < 9; i++) {
      await expect(breaker.execute(() => Promise.reject(refusal))).rejects.toBe(refusal)
    }
    expect(breaker.state).toBe('closed')
  })

  test.each<[Outcome | undefined, PromiseSettledResult<unknown>, 'closed' | 'open']>([
    ['failure', { status: 'fulfilled', value: 500 }, 'open'],
    ['overload', { status: 'fulfilled', value: 429 }, 'closed'],
    ['ignored', { status: 'rejected', reason: boom }, 'closed'],
    ['success', { status: 'rejected', reason: boom }, 'closed'],
    [undefined, { status: 'rejected', reason: boom }, 'open'],
    [undefined, { status: 'fulfilled', value: 500 }, 'closed'],
  ])('classify returns %s for %o: %s', async (outcome, result, state) => {
    const classify = vi.fn<Classify>(() => outcome)
    const { breaker } = setUp({ classify, failureThreshold: 1 })
    await breaker
      .execute(() => (result.status === 'fulfilled' ? result.value : Promise.reject(boom)))
      .catch(() => {})
    expect(classify).toHaveBeenCalledExactlyOnceWith(result)
    expect(breaker.state).toBe(state)
  })

  test('classify is not called for the caller’s abort', async () => {
    const classify = vi.fn<Classify>(() => 'failure')
    const { breaker, clock } = setUp({ classify })
    const controller = new AbortController()
    const call = breaker.execute(({ signal }) => clock.sleep(9, signal), {
      signal: controller.signal,
    })
    controller.abort(boom)
    await expect(call).rejects.toBe(boom)
    expect(classify).not.toHaveBeenCalled()
  })

  test.each<[string, unknown]>([
    ['an unknown outcome', () => 'ok'],
    ['null', () => null],
    ['a promise', async () => 'failure'],
  ])('a classify that returns %s causes one warning, and the default is used', async (_what, classify) => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { breaker, clock } = setUp({ classify: classify as Classify })
    await trip(breaker)
    expect(breaker.state).toBe('open')
    await clock.advance(5_000)
    for (let i = 0; i < 3; i++) expect(await breaker.execute(ok)).toBe('ok')
    expect(breaker.state).toBe('closed')
    expect(warning).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/^classify returned .*, not an outcome.*; the default is used instead$/),
      { code: 'OUTRIGGER_CLASSIFY' },
    )
    warning.mockRestore()
  })

  test('a classify that throws causes a warning; the default is used, and the caller gets the value', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { breaker } = setUp({
      classify: () => {
        throw new TypeError('oops')
      },
    })
    await expect(breaker.execute(ok)).resolves.toBe(ok())
    for (let i = 0; i < 3; i++) await expect(breaker.execute(fail)).rejects.toThrow(Error)
    expect(breaker.state).toBe('open')
    expect(warning).toHaveBeenCalledOnce()
    warning.mockRestore()
  })
})

describe('a permit', () => {
  test('is refused while open', () => {
    const { breaker } = setUp()
    breaker.isolate()
    expect(breaker.tryAcquire()).toBeUndefined()
  })

  test('is settled only once', () => {
    const { breaker } = setUp()
    const permit = breaker.tryAcquire()
    for (let i = 0; i < 9; i++) permit?.settle('failure')
    expect(breaker.state).toBe('closed')
    breaker.tryAcquire()?.settle('failure')
    breaker.tryAcquire()?.settle('failure')
    expect(breaker.state).toBe('open')
  })

  test('rejects an invalid outcome, and can still be settled', () => {
    const { breaker } = setUp({ failureThreshold: 1 })
    const permit = breaker.tryAcquire()
    expect(() => permit?.settle('failed' as 'failure')).toThrow(/'failure'.*, got 'failed'/)
    permit?.settle('failure')
    expect(breaker.state).toBe('open')
  })

  test.each<[unknown, string]>([
    ['5', "settle()'s ms must be a number, got '5'"],
    [null, "settle()'s ms must be a number, got null"],
    [NaN, "settle()'s ms must be a number >= 0, got NaN"],
    [-5, "settle()'s ms must be a number >= 0, got -5"],
  ])('rejects %o for its time, and can still be settled', (ms, message) => {
    const { breaker } = setUp({ failureThreshold: 1 })
    const permit = breaker.tryAcquire()
    expect(() => permit?.settle('failure', ms as number)).toThrow(message)
    expect(breaker.state).toBe('closed')
    permit?.settle('failure', 0)
    expect(breaker.state).toBe('open')
  })

  test('frees its slot without a count when disposed, and does nothing after settle', async () => {
    const { breaker, clock } = setUp({ successThreshold: 1 })
    await trip(breaker)
    await clock.advance(5_000)
    {
      using permit = breaker.tryAcquire()
      expect(permit).toBeDefined()
      expect(breaker.tryAcquire()).toBeUndefined()
    }
    expect(breaker.state).toBe('half-open')
    {
      using permit = breaker.tryAcquire()
      permit?.settle('success')
    }
    expect(breaker.state).toBe('closed')
  })

  test('has the duration since it was acquired, unless another is given', async () => {
    const { breaker, clock } = setUp({
      slowCallRate: 1,
      slowCallDuration: 100,
      minimumCalls: 1,
    })
    const told = breaker.tryAcquire()
    const measured = breaker.tryAcquire()
    await clock.advance(100)
    told?.settle('success', 5)
    expect(breaker.state).toBe('closed')
    breaker.reset()
    measured?.settle('success')
    const again = breaker.tryAcquire()
    await clock.advance(100)
    again?.settle('success')
    expect(breaker.state).toBe('open')
  })
})

describe('events', () => {
  test('one event per transition, with its payload, after the state has changed', async () => {
    const { breaker, clock } = setUp()
    const seen: unknown[] = []
    for (const name of ['open', 'half-open', 'close'] as const) {
      breaker.on(name, (event) => seen.push([name, event, breaker.state]))
    }
    await clock.advance(7)
    await trip(breaker)
    await clock.advance(5_000)
    for (let i = 0; i < 3; i++) await breaker.execute(ok)
    expect(seen).toEqual([
      [
        'open',
        {
          from: 'closed',
          to: 'open',
          reason: 'consecutive-failures',
          error: boom,
          openFor: 5_000,
          counts: { consecutive: 3 },
          at: 7,
        },
        'open',
      ],
      ['half-open', { from: 'open', to: 'half-open', reason: 'open-elapsed', at: 5_007 }, 'half-open'],
      [
        'close',
        {
          from: 'half-open',
          to: 'closed',
          reason: 'probes-succeeded',
          at: 5_007,
        },
        'closed',
      ],
    ])
  })

  test('at is Unix time', () => {
    const clock = Object.assign(new ManualClock(), { epoch: 1_000_000 })
    const { breaker } = setUp({ clock })
    const at: number[] = []
    breaker.on('open', (event) => at.push(event.at))
    breaker.isolate()
    expect(at).toEqual([1_000_000])
  })

  test('once and off', () => {
    const { breaker } = setUp()
    const seen: string[] = []
    const listener = (event: CircuitBreakerEvent): number => seen.push(event.to)
    breaker.once('open', listener).on('close', listener)
    breaker.isolate()
    breaker.reset()
    breaker.isolate()
    breaker.off('close', listener)
    breaker.reset()
    expect(seen).toEqual(['open', 'closed'])
    breaker.on('open', listener).off('open')
    breaker.isolate()
    expect(seen).toHaveLength(2)
  })

  test('a listener that throws affects neither the call nor the next listener', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { breaker } = setUp()
    const seen: BreakerReason[] = []
    breaker.on('open', () => {
      throw new Error('listener')
    })
    breaker.on('open', (event) => seen.push(event.reason))
    await trip(breaker)
    expect(seen).toEqual(['consecutive-failures'])
    expect(warning).toHaveBeenCalledOnce()
    warning.mockRestore()
  })

  test('a dry run refuses nothing and reports it', async () => {
    const { breaker } = setUp({ dryRun: true })
    const seen: CircuitBreakerEvent[] = []
    breaker.on('open', (event) => seen.push(event))
    await trip(breaker, 9)
    expect(await breaker.execute(ok)).toBe('ok')
    expect(seen).toMatchObject([{ to: 'open', dryRun: true }])
  })

  test('an unknown event is rejected', () => {
    const { breaker } = setUp()
    expect(() => breaker.on('closed' as 'close', () => {})).toThrow(
      "the event must be one of open, half-open, close, refused, error, got 'closed'",
    )
  })
})

describe('construction', () => {
  test.each<[unknown, string]>([
    [null, 'breaker must be an object, got null'],
    [{ openFor: -1 }, 'breaker.openFor must be'],
    [{ onOpen: ok }, 'breaker.onOpen is not an option; known: failureThreshold, '],
    [{ classify: 'all' }, "breaker.classify must be a function, got 'all'"],
    [{ clock: Date }, 'breaker.clock must have a method random()'],
  ])('%o is rejected', (options, message) => {
    expect(() => new CircuitBreaker(options as CircuitBreakerOptions)).toThrow(message)
  })

  test('two breakers with one options object share no state', async () => {
    const options = Object.freeze({
      failureThreshold: 1,
      window: Object.freeze({ calls: 5 }),
      failureRate: 0.5,
    })
    const [a, b] = [new CircuitBreaker(options), new CircuitBreaker(options)]
    await trip(a, 1)
    expect([a.state, b.state]).toEqual(['open', 'closed'])
  })
})

describe('on the system’s clock', () => {
  afterEach(() => vi.useRealTimers())

  test.each([
    ['back', -3_600_000],
    ['on', 3_600_000],
  ])('setting the wall clock %s one hour changes nothing', async (_name, by) => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    const breaker = new CircuitBreaker({ failureThreshold: 1, openFor: 5_000 })
    await trip(breaker, 1)
    vi.setSystemTime(Date.now() + by)
    vi.advanceTimersByTime(4_999)
    expect(breaker.state).toBe('open')
    vi.advanceTimersByTime(1)
    expect(breaker.state).toBe('half-open')
  })
})
