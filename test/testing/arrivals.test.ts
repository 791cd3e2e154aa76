import { describe, expect, it } from 'vitest'
import { nextArrival, type SimulatedArrivals } from '../../src/testing/arrivals.ts'
import { Rng } from '../../src/testing/rng.ts'

/** Returns every arrival time before `end`. */
function all(arrivals: SimulatedArrivals, end: number, seed = 1): number[] {
  const rng = new Rng(seed)
  const times: number[] = []
  const next = (now: number): number => nextArrival(arrivals, now, end, () => rng.next())
  for (let at = next(0); at < Infinity; at = next(at)) times.push(at)
  return times
}

/** Returns how many of them are in each second. */
function bySecond(times: readonly number[], seconds: number): number[] {
  const counts = Array.from({ length: seconds }, () => 0)
  for (const at of times) counts[Math.floor(at / 1000)]!++
  return counts
}

describe('arrivals', () => {
  it('have equal distances when uniform', () => {
    expect(all({ rate: 200, process: 'uniform' }, 30)).toEqual([5, 10, 15, 20, 25])
  })

  it('are a Poisson process by default: the variance of the count equals its mean', () => {
    const seconds = 2_000
    const counts = bySecond(all({ rate: 50 }, seconds * 1000), seconds)
    const mean = counts.reduce((sum, count) => sum + count, 0) / seconds
    const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (seconds - 1)
    // Three standard errors of each.
    expect(Math.abs(mean - 50)).toBeLessThan(3 * Math.sqrt(50 / seconds))
    expect(Math.abs(variance / mean - 1)).toBeLessThan(3 * Math.sqrt(2 / seconds))
  })

  it.each(['uniform', 'poisson'] as const)('follow a shape, %s', (process) => {
    const shape = (now: number): number => (now < 10_000 ? 1 : now < 20_000 ? 0 : 3)
    const times = all({ rate: 1_000, process, shape }, 30_000)
    const spread = process === 'uniform' ? 1.5 : 4 * Math.sqrt(30_000)
    expect(Math.abs(times.filter((at) => at < 10_000).length - 10_000)).toBeLessThan(spread)
    // The shape is read every 10 ms from the last arrival on, so the first step may cross its edge.
    expect(times.filter((at) => at >= 10_010 && at < 20_000)).toEqual([])
    expect(Math.abs(times.filter((at) => at >= 20_000).length - 30_000)).toBeLessThan(spread + 30)
  })

  it('end even if the shape stays at zero', () => {
    expect(all({ rate: 1_000, shape: () => 0 }, 60_000)).toEqual([])
  })

  it('refuse a shape that returns an invalid factor', () => {
    expect(() => all({ rate: 1, shape: () => -1 }, 10)).toThrow(
      'arrivals.shape() must be a number >= 0 and <= 1000000000, got -1',
    )
  })
})
