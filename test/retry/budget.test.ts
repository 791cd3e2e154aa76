import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Budget } from '../../src/retry/budget.ts'
import { ManualClock } from '../../src/testing/clock.ts'

function spend(budget: Budget, times: number): number {
  let spent = 0
  for (let i = 0; i < times; i++) if (budget.withdraw()) spent++
  return spent
}

describe('the budget', () => {
  it('allows a share of the requests of the last ten seconds', async () => {
    const clock = new ManualClock()
    const budget = new Budget({ ratio: 0.1, minPerSecond: 0 }, clock)
    for (let i = 0; i < 95; i++) budget.deposit()
    expect(spend(budget, 100)).toBe(9)
    for (let i = 0; i < 5; i++) budget.deposit()
    expect(spend(budget, 100)).toBe(1)
    await clock.advance(9_999)
    expect(spend(budget, 100)).toBe(0)
    await clock.advance(1)
    expect(spend(budget, 100), 'requests and retries of ten seconds ago are forgotten together').toBe(0)
    for (let i = 0; i < 20; i++) budget.deposit()
    expect(spend(budget, 100)).toBe(2)
  })

  it('allows a minimum to quiet clients, which is not added for busy ones', () => {
    const quiet = new Budget({ ratio: 0.1, minPerSecond: 1 }, new ManualClock())
    quiet.deposit()
    expect(spend(quiet, 100)).toBe(10)
    const busy = new Budget({ ratio: 0.1, minPerSecond: 1 }, new ManualClock())
    for (let i = 0; i < 1000; i++) busy.deposit()
    expect(spend(busy, 1000)).toBe(100)
  })

  it('forgets everything after an idle hour', async () => {
    const clock = new ManualClock()
    const budget = new Budget({ ratio: 1, minPerSecond: 0 }, clock)
    for (let i = 0; i < 50; i++) budget.deposit()
    expect(spend(budget, 30)).toBe(30)
    await clock.advance(3_600_000)
    expect(spend(budget, 100)).toBe(0)
  })

  it('counts each second once, over minutes of calls', async () => {
    const clock = new ManualClock()
    const budget = new Budget({ ratio: 0.5, minPerSecond: 0 }, clock)
    const requests: number[] = []
    const spent: number[] = []
    const lastTen = (each: number[]): number => each.slice(-10).reduce((sum, count) => sum + count, 0)
    for (let second = 0; second < 120; second++) {
      const made = (second * 7) % 13
      for (let i = 0; i < made; i++) budget.deposit()
      requests.push(made)
      spent.push(0)
      const allowed = Math.max(Math.floor(lastTen(requests) * 0.5) - lastTen(spent), 0)
      expect(budget.left, `second ${second}`).toBe(allowed)
      spent[second] = second % 3 === 0 ? spend(budget, 100) : spend(budget, 1)
      expect(spent[second]).toBe(second % 3 === 0 ? allowed : Math.min(allowed, 1))
      await clock.advance(1_000)
    }
  })

  it('is by default a tenth of the requests, and at least one per second', () => {
    const quiet = new Budget({}, new ManualClock())
    expect([quiet.left, spend(quiet, 100), quiet.left]).toEqual([10, 10, 0])
    const busy = new Budget({}, new ManualClock())
    for (let i = 0; i < 205; i++) busy.deposit()
    expect([busy.left, spend(busy, 1_000), busy.left]).toEqual([20, 20, 0])
  })

  it('reports what is left after a quiet time, and the largest integer for an unlimited budget', async () => {
    const clock = new ManualClock()
    const budget = new Budget({ minPerSecond: 1 }, clock)
    spend(budget, 4)
    expect(budget.left).toBe(6)
    await clock.advance(10_000)
    expect(budget.left).toBe(10)
    expect(new Budget({ minPerSecond: Infinity }, clock).left).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('never allows more than its definition, in any order of calls', async () => {
    const step = fc.oneof(
      fc.record({ wait: fc.integer({ min: 0, max: 3_000 }) }),
      fc.record({ deposits: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ tries: fc.integer({ min: 1, max: 30 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = new ManualClock()
        const budget = new Budget({ ratio: 0.2, minPerSecond: 0.3 }, clock)
        const requests: number[] = []
        const spent: number[] = []
        const recent = (times: number[]): number =>
          times.filter((at) => Math.floor(at / 1000) > Math.floor(clock.now() / 1000) - 10).length
        for (const each of steps) {
          if ('wait' in each) await clock.advance(each.wait)
          else if ('deposits' in each) {
            for (let i = 0; i < each.deposits; i++) {
              budget.deposit()
              requests.push(clock.now())
            }
          } else {
            for (let i = 0; i < each.tries; i++) {
              const allowed = recent(spent) + 1 <= Math.max(recent(requests) * 0.2, 3)
              expect(budget.withdraw()).toBe(allowed)
              if (allowed) spent.push(clock.now())
            }
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it.each<[object, RegExp]>([
    [{ ratio: -1 }, /budget\.ratio must be a number >= 0, got -1/],
    [{ minPerSecond: Number.NaN }, /budget\.minPerSecond must be a number >= 0, got NaN/],
    [{ rate: 1 }, /budget\.rate is not an option/],
  ])('rejects %j', (options, message) => {
    expect(() => new Budget(options, new ManualClock())).toThrow(message)
  })
})
