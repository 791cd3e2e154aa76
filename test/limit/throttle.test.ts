import { describe, expect, it } from 'vitest'
import { OutriggerError } from '../../src/errors.ts'
import { ThrottledError } from '../../src/limit/errors.ts'
import type { Priority } from '../../src/limit/priority.ts'
import { Throttle, type ThrottleOptions } from '../../src/limit/throttle.ts'
import { ManualClock } from '../../src/testing/clock.ts'

function record(throttle: Throttle, accepted: number, refused: number): void {
  for (let i = 0; i < accepted; i++) throttle.record(true)
  for (let i = 0; i < refused; i++) throttle.record(false)
}

/**
 * A backend that accepts a fixed number of calls in each tenth of a second and refuses the others. Returns the load it
 * gets in the steady state, as a multiple of its capacity.
 */
async function amplification(
  throttle: Throttle,
  clock: ManualClock,
  { overload, priority = 'default' }: { overload: number; priority?: Priority },
): Promise<number> {
  const capacity = 10
  let sent = 0
  let ticks = 0
  for (let tick = 0; tick < 4_000; tick++) {
    let room = capacity
    for (let call = 0; call < capacity * overload; call++) {
      if (!throttle.admit(priority)) continue
      throttle.record(room-- > 0)
      if (tick >= 2_000) sent++
    }
    if (tick >= 2_000) ticks++
    await clock.advance(100)
  }
  return sent / (ticks * capacity)
}

describe('Throttle', () => {
  it.each([
    [{}, 0, 0, 0],
    [{}, 100, 0, 0],
    [{}, 50, 50, 0],
    [{}, 49, 51, 2 / 101],
    [{}, 25, 75, 50 / 101],
    [{}, 0, 100, 100 / 101],
    [{}, 0, 1, 1 / 2],
    [{ k: 1.1 }, 100, 10, 0],
    [{ k: 1.1 }, 50, 50, 45 / 101],
    [{ k: 4 }, 25, 75, 0],
    [{ k: 4 }, 10, 90, 60 / 101],
  ])(
    'with %j, %i accepted and %i refused, throttles with probability %d',
    (options, accepted, refused, p) => {
      const throttle = new Throttle(options, new ManualClock())
      record(throttle, accepted, refused)
      expect(throttle.probability('default')).toBeCloseTo(p, 10)
    },
  )

  it.each<[Priority, number]>([
    ['critical', 40 / 101],
    ['default', 60 / 101],
    ['sheddable', 70 / 101],
  ])('throttles %s calls with its own probability', (priority, p) => {
    const throttle = new Throttle({}, new ManualClock())
    record(throttle, 20, 80)
    expect(throttle.probability(priority)).toBeCloseTo(p, 10)
  })

  it('admits calls with that probability', () => {
    const draws = [0.49, 0.4951, 0.4]
    const clock = Object.assign(new ManualClock(), {
      random: () => draws.shift()!,
    })
    const throttle = new Throttle({}, clock)
    record(throttle, 25, 75)
    // 50/101 is 0.49505. The first refusal makes it 51/102 = 0.5.
    expect([throttle.admit('default'), throttle.admit('default')]).toEqual([false, false])
    const other = new Throttle({}, Object.assign(new ManualClock(), { random: () => 0.4951 }))
    record(other, 25, 75)
    expect(other.admit('default')).toBe(true)
  })

  it('counts a call that was not sent as a request, and ignores a call in flight', () => {
    const clock = Object.assign(new ManualClock(), { random: () => 0 })
    const throttle = new Throttle({}, clock)
    for (let i = 0; i < 1000; i++) expect(throttle.admit('default')).toBe(true)
    expect(throttle.probability('default')).toBe(0)
    record(throttle, 0, 1)
    throttle.admit('default')
    expect(throttle.probability('default')).toBeCloseTo(2 / 3, 10)
  })

  it('forgets calls after the window, with a precision of one twentieth', async () => {
    const clock = new ManualClock()
    const throttle = new Throttle({ window: 1_000 }, clock)
    record(throttle, 0, 10)
    await clock.advance(949)
    record(throttle, 0, 10)
    expect(throttle.probability('default')).toBeCloseTo(20 / 21, 10)
    await clock.advance(51)
    expect(throttle.probability('default')).toBeCloseTo(10 / 11, 10)
    await clock.advance(899)
    expect(throttle.probability('default')).toBeCloseTo(10 / 11, 10)
    await clock.advance(1)
    expect(throttle.probability('default')).toBe(0)
  })

  it('forgets everything after an idle hour, not only the oldest bucket', async () => {
    const clock = new ManualClock()
    const throttle = new Throttle({ window: 1_000 }, clock)
    for (let i = 0; i < 20; i++) {
      record(throttle, 0, 1)
      await clock.advance(50)
    }
    await clock.advance(3_600_000)
    expect(throttle.probability('default')).toBe(0)
    record(throttle, 1, 0)
    expect(throttle.probability('default')).toBe(0)
  })

  it.each([
    [2, 10],
    [1.5, 10],
    [3, 10],
    [2, 4],
  ])(
    'with k = %d and %i times overload, the backend gets about k times what it can handle',
    async (k, overload) => {
      const clock = new ManualClock({ seed: 4 })
      const seen = await amplification(new Throttle({ k, window: 30_000 }, clock), clock, { overload })
      expect(seen).toBeGreaterThan(k * 0.95)
      expect(seen).toBeLessThan(k * 1.05)
    },
  )

  it('throttles nothing below k times', async () => {
    const clock = new ManualClock()
    expect(await amplification(new Throttle({}, clock), clock, { overload: 1.5 })).toBeCloseTo(1.5, 2)
  })

  it.each<[ThrottleOptions, string]>([
    [{ k: 1 }, 'throttle.k must be a number > 1, got 1'],
    [{ k: NaN }, 'throttle.k must be a number > 1, got NaN'],
    [{ window: 0 }, 'throttle.window must be a number > 0, got 0'],
    [{ K: 2 } as ThrottleOptions, 'throttle.K is not an option; known: k, window'],
  ])('rejects %j', (options, message) => {
    expect(() => new Throttle(options, new ManualClock())).toThrow(message)
  })

  it('has its own error class', () => {
    const error = new ThrottledError('too much')
    expect(error).toBeInstanceOf(OutriggerError)
    expect(error).toMatchObject({
      name: 'ThrottledError',
      code: 'ERR_OUTRIGGER_THROTTLED',
      message: 'too much',
    })
  })
})
