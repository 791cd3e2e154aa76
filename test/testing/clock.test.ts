import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/testing/clock.ts'

describe('ManualClock', () => {
  it.each([
    [null, 'ManualClock must be an object, got null'],
    [{ start: 5 }, 'ManualClock.start is not an option; known: seed'],
    [{ seed: null }, 'seed must be a number, got null'],
    [{ seed: NaN }, 'seed must be an integer'],
    [{ seed: 0.5 }, 'seed must be an integer'],
    [{ seed: '1' }, "seed must be a number, got '1'"],
    [{ seed: 2 ** 32 }, 'got 4294967296'],
  ])('refuses %j', (options, message) => {
    expect(() => new ManualClock(options as object)).toThrow(message)
  })

  it.each([undefined, null, '5', -50, NaN, Infinity])('does not advance by %j', async (ms) => {
    const clock = new ManualClock()
    expect(() => clock.advance(ms as number)).toThrow(/^ms must be a number/)
    await clock.advance(0)
    expect(clock.now()).toBe(0)
  })
})
