import { expect, test } from 'vitest'
import { breakerPolicy, type BreakerOptions } from '../../src/breaker/policy.ts'

test('the defaults', () => {
  expect(breakerPolicy()).toEqual({
    failureThreshold: 5,
    lastThreshold: 10,
    failureRate: Infinity,
    slowCallRate: Infinity,
    slowCallDuration: Infinity,
    window: undefined,
    minimumCalls: 20,
    openFor: { initial: 5_000, factor: 2, max: 60_000, jitter: 0.2 },
    opensForFixed: false,
    successThreshold: 3,
    successRate: Infinity,
    halfOpenProbes: 1,
    round: 3,
    probeTimeout: 30_000,
    waitsForProbes: false,
    maxHalfOpenWait: Infinity,
    rampFor: 10_000,
    dryRun: false,
  })
})

test.each<[BreakerOptions, object]>([
  [{ failureRate: 0.5 }, { failureThreshold: Infinity, window: { ms: 30_000 } }],
  [{ failureRate: 0.5, failureThreshold: 9 }, { failureThreshold: 9 }],
  [
    { slowCallRate: 0.5, slowCallDuration: 100 },
    { failureThreshold: 5, window: { ms: 30_000 } },
  ],
  [{ failureThreshold: Infinity }, { failureThreshold: Infinity }],
  [{ failureRate: 0.5, window: { calls: 7 } }, { minimumCalls: 7 }],
  [{ failureRate: 0.5, window: { calls: 700 } }, { minimumCalls: 20 }],
  [{ openFor: { initial: 500 } }, { openFor: { initial: 500, factor: 2, max: 5_000, jitter: 0.2 } }],
  [{ halfOpenProbes: 4 }, { round: 4 }],
])('%o results in %o', (options, expected) => {
  expect(breakerPolicy(options)).toMatchObject(expected)
})

test('an option that is undefined has its default', () => {
  const options = { failureThreshold: undefined, window: undefined, openFor: undefined, dryRun: undefined }
  expect(breakerPolicy(options as unknown as BreakerOptions)).toEqual(breakerPolicy())
})

test('options are neither kept nor changed, and the policy is frozen', () => {
  const options = Object.freeze({ failureRate: 0.5, window: { calls: 5 }, openFor: { initial: 10 } })
  const policy = breakerPolicy(options)
  options.window.calls = 999
  options.openFor.initial = 999
  expect(policy.window).toEqual({ calls: 5 })
  expect(policy.openFor.initial).toBe(10)
  expect(Object.isFrozen(policy)).toBe(true)
})

test.each<[unknown, string]>([
  [null, 'breaker must be an object, got null'],
  ['fast', "breaker must be an object, got 'fast'"],
  [{ threshold: 5 }, 'breaker.threshold is not an option; known: failureThreshold, '],
  [{ failureThreshold: 0 }, 'breaker.failureThreshold must be an integer >= 1, got 0'],
  [{ failureThreshold: 1.5 }, 'breaker.failureThreshold must be an integer >= 1, got 1.5'],
  [{ failureThreshold: '5' }, "breaker.failureThreshold must be a number, got '5'"],
  [{ failureThreshold: NaN }, 'breaker.failureThreshold must be an integer >= 1, got NaN'],
  [{ failureRate: 50 }, 'breaker.failureRate must be a number > 0 and <= 1, got 50'],
  [{ failureRate: 0 }, 'breaker.failureRate must be a number > 0 and <= 1, got 0'],
  [{ slowCallRate: 2 }, 'breaker.slowCallRate must be a number > 0 and <= 1, got 2'],
  [{ slowCallRate: 0.5 }, 'breaker.slowCallDuration must be set along with slowCallRate, got undefined'],
  [{ slowCallDuration: 0 }, 'breaker.slowCallDuration must be a number > 0, got 0'],
  [{ successRate: 0 }, 'breaker.successRate must be a number > 0 and <= 1, got 0'],
  [{ window: 10 }, 'breaker.window must be an object, got 10'],
  [{ window: {} }, 'breaker.window must be { calls } or { ms }, got {}'],
  [{ window: { calls: 1, ms: 1 } }, 'breaker.window must be { calls } or { ms }, got { calls: 1, ms: 1 }'],
  [{ window: { seconds: 1 } }, 'breaker.window.seconds is not an option; known: calls, ms'],
  [{ window: { calls: 0 } }, 'breaker.window.calls must be an integer >= 1 and <= 1000000, got 0'],
  [{ window: { ms: -1 } }, 'breaker.window.ms must be a number > 0, got -1'],
  [{ window: { calls: 5 }, minimumCalls: 6 }, 'breaker.minimumCalls must be an integer >= 1 and <= 5, got 6'],
  [{ minimumCalls: 0 }, 'breaker.minimumCalls must be an integer >= 1, got 0'],
  [{ window: null }, 'breaker.window must be an object, got null'],
  [{ openFor: null }, 'breaker.openFor must be an object, got null'],
  [{ openFor: 0 }, 'breaker.openFor must be a number > 0'],
  [{ openFor: -1 }, 'got -1'],
  [{ openFor: Infinity }, 'got Infinity'],
  [{ openFor: '60s' }, "breaker.openFor must be a number or an object, got '60s'"],
  [{ openFor: {} }, 'breaker.openFor.initial must be a number, got undefined'],
  [{ openFor: { initial: 10, factor: 0.5 } }, 'breaker.openFor.factor must be a number >= 1, got 0.5'],
  [{ openFor: { initial: 10, max: 5 } }, 'breaker.openFor.max must be a number >= 10, got 5'],
  [{ openFor: { initial: 10, jitter: 2 } }, 'breaker.openFor.jitter must be a number >= 0 and <= 1, got 2'],
  [{ openFor: { initial: 10, cap: 2 } }, 'breaker.openFor.cap is not an option'],
  [{ successThreshold: 0 }, 'breaker.successThreshold must be an integer >= 1, got 0'],
  [{ halfOpenProbes: 0 }, 'breaker.halfOpenProbes must be an integer >= 1, got 0'],
  [{ probeTimeout: 0 }, 'breaker.probeTimeout must be a number > 0, got 0'],
  [{ maxHalfOpenWait: 0 }, 'breaker.maxHalfOpenWait must be a number > 0, got 0'],
  [{ rampFor: -1 }, 'breaker.rampFor must be a number >= 0, got -1'],
  [{ dryRun: null }, 'breaker.dryRun must be true or false, got null'],
  [{ dryRun: 'yes' }, "breaker.dryRun must be true or false, got 'yes'"],
])('%o is rejected', (options, message) => {
  const make = (): unknown => breakerPolicy(options as BreakerOptions)
  expect(make).toThrow(message)
  expect(make).toThrow(/^breaker/)
})

test('the error contains the name of the options that the caller used', () => {
  const name = "routes['POST /users'].breaker"
  expect(() => breakerPolicy({ rampFor: -1 }, name)).toThrow(`${name}.rampFor must be`)
})
