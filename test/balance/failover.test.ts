import { describe, expect, it } from 'vitest'
import { failover, type FailoverOptions } from '../../src/balance/failover.ts'
import { random } from '../../src/balance/random.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { endpoint, endpoints, requests, tally, type FakeEndpoint } from './harness.ts'

const level = (priority: number, count: number): FakeEndpoint[] =>
  Array.from({ length: count }, (_, index) => endpoint(`p${priority}-${index}`, { priority }))

/** The share of requests that each priority gets when `healthy` of `all` may be tried. */
function shares(healthy: number[], all: number[], options?: FailoverOptions): number[] {
  const everyone = all.map((count, priority) => level(priority, count))
  const set = healthy.flatMap((count, priority) => (everyone[priority] ?? []).slice(0, count))
  const request = requests()
  const picks = tally(failover(random(), options), set, 4_000, () => request({ all: everyone.flat() }))
  return all.map((_, priority) => {
    const members = Object.entries(picks).filter(([id]) => id.startsWith(`p${priority}-`))
    return members.reduce((sum, [, count]) => sum + count, 0) / 4_000
  })
}

describe('failover', () => {
  it.each<{
    healthy: number[]
    all: number[]
    expected: number[]
    options?: FailoverOptions
  }>([
    { healthy: [10, 10], all: [10, 10], expected: [1, 0] },
    { healthy: [8, 10], all: [10, 10], expected: [1, 0] },
    { healthy: [5, 10], all: [10, 10], expected: [0.7, 0.3] },
    { healthy: [0, 10], all: [10, 10], expected: [0, 1] },
    {
      healthy: [5, 10],
      all: [10, 10],
      expected: [0.5, 0.5],
      options: { overprovisioning: 1 },
    },
    { healthy: [2, 2, 10], all: [10, 10, 10], expected: [0.28, 0.28, 0.44] },
    { healthy: [2, 2], all: [10, 10], expected: [0.5, 0.5] },
    { healthy: [1, 0], all: [10, 10], expected: [1, 0] },
  ])('with $healthy of $all healthy gives the levels $expected', ({ healthy, all, expected, options }) => {
    for (const [priority, share] of shares(healthy, all, options).entries()) {
      const wanted = expected[priority] ?? 0
      expect(Math.abs(share - wanted)).toBeLessThanOrEqual(wanted === 0 ? 0 : 0.035)
    }
  })

  it('counts capacity by weight', () => {
    const [big, small, spare] = [
      endpoint('big', { weight: 9, priority: 0 }),
      endpoint('small', { weight: 1, priority: 0 }),
      endpoint('spare', { priority: 1 }),
    ]
    const request = requests()
    const init = { all: [big, small, spare] }
    expect(tally(failover(random()), [big, spare], 300, () => request(init))['spare']).toBe(0)
    const weak = tally(failover(random()), [small, spare], 2_000, () => request(init))
    expect(Math.abs((weak['small'] ?? 0) / 2_000 - 0.14)).toBeLessThan(0.035)
  })

  it('computes the shares again when the same candidates come with other siblings', () => {
    const [p0, p1] = [level(0, 2), level(1, 2)]
    const set = [...p0, ...p1]
    const balancer = failover(random())
    const request = requests()
    expect(tally(balancer, set, 300, () => request({ all: set }))).toMatchObject({ 'p1-0': 0, 'p1-1': 0 })
    const all = [...set, ...level(0, 8).map((one, index) => endpoint(`down${index}`, one.instance))]
    expect(tally(balancer, set, 300, () => request({ all }))['p1-0']).toBeGreaterThan(50)
  })

  it('treats a missing priority as 0, and works when the request lists no other endpoints', () => {
    expect(tally(failover(roundRobin()), [...endpoints(2), endpoint('z', { priority: 1 })], 100)).toEqual({
      a: 50,
      b: 50,
      z: 0,
    })
  })

  it('uses the next level for a retry when the call has tried all of a level', () => {
    const [only] = level(0, 1) as [FakeEndpoint]
    const spare = level(1, 1)[0]
    const request = requests()
    expect(failover(roundRobin()).pick([only, spare as FakeEndpoint], request({ tried: [only] }))).toBe(spare)
  })

  it.each([
    [{ overprovisioning: 0.5 }, 'failover.overprovisioning must be a number >= 1, got 0.5'],
    [{ overprovisioning: null }, 'failover.overprovisioning must be a number, got null'],
    [{ factor: 1 }, 'failover.factor is not an option; known: overprovisioning'],
  ])('rejects %o', (options, message) => {
    expect(() => failover(random(), options as FailoverOptions)).toThrow(message)
  })
})
