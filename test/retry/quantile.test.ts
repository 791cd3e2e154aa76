import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Quantile } from '../../src/retry/quantile.ts'
import { ManualClock } from '../../src/testing/clock.ts'

describe('the latency quantile', () => {
  it('is unknown before enough latencies were observed', () => {
    const quantile = new Quantile(new ManualClock())
    for (let i = 0; i < 9; i++) quantile.observe(10)
    expect(quantile.estimate(0.5, 10)).toBeUndefined()
    quantile.observe(10)
    expect(quantile.estimate(0.5, 10)).toBeGreaterThanOrEqual(10)
  })

  it('is never below the true quantile, and at most one bucket above it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 500_000, noNaN: true }), {
          minLength: 20,
          maxLength: 200,
        }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, share) => {
          const quantile = new Quantile(new ManualClock())
          for (const value of values) quantile.observe(value)
          const sorted = values.toSorted((a, b) => a - b)
          const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0
          const estimate = quantile.estimate(share, 1) ?? 0
          expect(estimate).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
          expect(estimate).toBeLessThanOrEqual(exact * 2 ** (1 / 8) * (1 + 1e-9))
        },
      ),
    )
  })

  it('forgets what is older than a minute, however long nothing was observed', async () => {
    const clock = new ManualClock()
    const quantile = new Quantile(clock)
    for (let i = 0; i < 20; i++) quantile.observe(1_000)
    await clock.advance(31_000)
    for (let i = 0; i < 20; i++) quantile.observe(10)
    expect(quantile.estimate(0.9, 1)).toBeGreaterThan(900)
    await clock.advance(30_000)
    expect(quantile.estimate(0.9, 1)).toBeLessThan(12)
    await clock.advance(3_600_000)
    expect(quantile.estimate(0.9, 1)).toBeUndefined()
    quantile.observe(10)
    expect(quantile.estimate(0.9, 1)).toBeLessThan(12)
  })
})
