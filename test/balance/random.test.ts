import { describe, expect, it } from 'vitest'
import { random } from '../../src/balance/random.ts'
import { chiLimit, chiSquare, endpoint, endpoints, requests, tally, trio } from './harness.ts'

describe('random', () => {
  it.each([1, 2, 3, 50])('picks each of %i equally often, within statistical limits', (count) => {
    const picks = tally(random(), endpoints(count), count * 400)
    expect(chiSquare(picks, () => 1 / count)).toBeLessThan(chiLimit(count))
  })

  it.each([
    { weights: { a: 1, b: 3 } },
    { weights: { a: 5, b: 1, c: 1 } },
    { weights: { a: 0.1, b: 0.2, c: 0.7, d: 9, e: 2.5 } },
    { weights: Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`e${index}`, 1 + (index % 7)])) },
  ])('picks by weight $weights', ({ weights }) => {
    const set = Object.entries<number>(weights).map(([id, weight]) => endpoint(id, { weight }))
    const total = set.reduce((sum, { weight }) => sum + weight, 0)
    const picks = tally(random(), set, 20_000)
    expect(chiSquare(picks, (id) => (weights[id as 'a'] ?? 0) / total)).toBeLessThan(chiLimit(set.length))
  })

  it('never picks weight 0 while another endpoint has weight, and picks evenly when all weights are 0', () => {
    expect(tally(random(), [endpoint('a', { weight: 0 }), endpoint('b')], 500)).toEqual({ a: 0, b: 500 })
    const idle = tally(random(), endpoints(2, { weight: 0 }), 1000)
    expect(Math.abs((idle['a'] ?? 0) - 500)).toBeLessThan(80)
  })

  it('uses the current set of endpoints', () => {
    const balancer = random()
    expect(Object.keys(tally(balancer, endpoints(3), 100))).toHaveLength(3)
    const next = [endpoint('x', { weight: 9 }), endpoint('y')]
    expect(tally(balancer, next, 1000)['x']).toBeGreaterThan(850)
  })

  it('picks an endpoint that the call has not tried, while there is one', () => {
    const [a, b, c] = trio()
    const set = [a, b, c]
    const request = requests()
    const balancer = random()
    expect(tally(balancer, set, 200, () => request({ tried: [a, c] }))).toEqual({
      a: 0,
      b: 200,
      c: 0,
    })
    expect(set).toContain(balancer.pick(set, request({ tried: set })))
  })
})
