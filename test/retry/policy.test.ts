import { describe, expect, it } from 'vitest'
import { backoffDelay, retryPolicy, type RetryOptions } from '../../src/retry/policy.ts'

describe('backoff', () => {
  const policy = retryPolicy({
    backoff: { initial: 100, factor: 3, max: 500 },
  })

  it.each([
    [1, 0.5, 50],
    [1, 0.999, 99.9],
    [2, 0.5, 150],
    [3, 0.5, 250],
    [30, 0.5, 250],
    [2_000, 0.5, 250],
    [1, 0, 0],
  ])('after failure %d and a random value of %d is %d ms', (failures, random, expected) => {
    expect(backoffDelay(policy, failures, random)).toBeCloseTo(expected)
  })

  it('given as a number, is the initial backoff', () => {
    expect(retryPolicy({ backoff: 2_000 }).backoff).toEqual({
      initial: 2_000,
      factor: 2,
      max: 2_000,
    })
  })
})

it.each<[unknown, RegExp]>([
  [{ attempts: 0 }, /retry\.attempts must be an integer >= 1, got 0/],
  [{ attempts: 1.5 }, /retry\.attempts must be an integer >= 1, got 1\.5/],
  [{ attempts: '3' }, /retry\.attempts must be a number, got '3'/],
  [{ backoff: null }, /retry\.backoff must be an object, got null/],
  [{ backoff: -1 }, /retry\.backoff\.initial must be a number >= 0, got -1/],
  [{ backoff: { initial: 10, max: 5 } }, /retry\.backoff\.max must be a number >= 10, got 5/],
  [{ backoff: { factor: 0.5 } }, /retry\.backoff\.factor must be a number >= 1, got 0\.5/],
  [{ when: true }, /retry\.when must be a function, got true/],
  [{ retries: 3 }, /retry\.retries is not an option; known: attempts/],
  [null, /retry must be an object such as { attempts: 3 }, or false, got null/],
])('%j is rejected', (options, message) => {
  expect(() => retryPolicy(options as RetryOptions)).toThrow(message)
})
