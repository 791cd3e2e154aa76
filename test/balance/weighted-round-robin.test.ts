import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { weightedRoundRobin } from '../../src/balance/weighted-round-robin.ts'
import { endpoint, endpoints, requests, sequence, tally, trio, type FakeEndpoint } from './harness.ts'

const weighted = (weights: Readonly<Record<string, number>>): FakeEndpoint[] =>
  Object.entries(weights).map(([id, weight]) => endpoint(id, { weight }))

/** Returns the longest run of one id in a sequence that repeats. */
function longestRun(ids: string): number {
  return Math.max(...[...(ids + ids).matchAll(/(.)\1*/g)].map(([run]) => run.length))
}

describe('weightedRoundRobin', () => {
  it.each([
    { weights: { a: 1 }, cycle: 1, run: 2 },
    { weights: { a: 1, b: 1, c: 1 }, cycle: 3, run: 1 },
    { weights: { a: 5, b: 1, c: 1 }, cycle: 7, run: 4 },
    { weights: { a: 2, b: 1 }, cycle: 3, run: 2 },
    { weights: { a: 4, b: 1, c: 1, d: 1, e: 1 }, cycle: 8, run: 2 },
    { weights: { a: 3, b: 3, c: 2 }, cycle: 8, run: 2 },
    { weights: { a: 0.5, b: 0.25, c: 0.25 }, cycle: 4, run: 2 },
  ])('gives $weights exactly their shares in each cycle, without bursts', ({ weights, cycle, run }) => {
    const total = Object.values<number>(weights).reduce((sum, weight) => sum + weight, 0)
    const balancer = weightedRoundRobin()
    const set = weighted(weights)
    for (let round = 0; round < 20; round++) {
      const ids = sequence(balancer, set, cycle)
      for (const [id, weight] of Object.entries<number>(weights)) {
        expect(ids.split('').filter((one) => one === id)).toHaveLength((weight / total) * cycle)
      }
      // For 5, 1, 1 nginx's smooth weights have a run of four: `aabacaa` twice.
      expect(longestRun(ids)).toBeLessThanOrEqual(run)
    }
  })

  it('keeps every endpoint close to its ideal share at all times', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 12 }),
        fc.integer(),
        (weights, seed) => {
          const set = weights.map((weight, index) => endpoint(`e${index}`, { weight }))
          const total = weights.reduce((sum, weight) => sum + weight, 0)
          const balancer = weightedRoundRobin()
          const request = requests(seed)
          const counts = new Map(set.map((one) => [one, 0]))
          for (let pick = 1; pick <= 3 * total; pick++) {
            const chosen = balancer.pick(set, request()) as FakeEndpoint
            counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
            for (const [one, count] of counts) {
              expect(Math.abs(count - (pick * one.weight) / total)).toBeLessThan(3)
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('starts at a random endpoint', () => {
    const set = endpoints(4)
    const request = requests(5)
    const firsts = Array.from({ length: 80 }, () => weightedRoundRobin().pick(set, request())?.instance.id)
    expect(new Set(firsts)).toEqual(new Set(['a', 'b', 'c', 'd']))
  })

  it.each([
    ['a new endpoint', () => endpoint('new', { weight: 10 })],
    ['an endpoint that was absent', (away: FakeEndpoint) => away],
  ])('lets %s join without a burst to catch up', (_name, joining) => {
    const away = endpoint('new', { weight: 10 })
    const stay = endpoints(4, { weight: 10 })
    const balancer = weightedRoundRobin()
    tally(balancer, [...stay, away], 50)
    tally(balancer, [...stay], 5000)
    const ids = sequence(balancer, [...stay, joining(away)], 50)
    expect(ids.match(/new/g)?.length).toBeLessThanOrEqual(11)
    expect(ids).not.toContain('newnewnew')
  })

  it('does not send the first pick of every client to an endpoint that returns', () => {
    const request = requests(8)
    const [away, ...stay] = endpoints(5)
    const firsts = Array.from({ length: 100 }, () => {
      const balancer = weightedRoundRobin()
      const all = away ? [away, ...stay] : []
      tally(balancer, all, 20, request)
      tally(balancer, [...stay], 100, request)
      return balancer.pick([...all], request())
    })
    expect(firsts.filter((one) => one === away).length).toBeLessThan(45)
  })

  it('keeps the shares when two routes with different sets take turns', () => {
    const [a, b, c] = [endpoint('a', { weight: 3 }), endpoint('b', { weight: 2 }), endpoint('c')]
    const wide = [a, b, c]
    const narrow = [b, c]
    const balancer = weightedRoundRobin()
    const request = requests()
    const picks: Record<string, number> = { a: 0, b: 0, c: 0 }
    for (let turn = 0; turn < 1200; turn++) {
      const id = balancer.pick(turn % 2 ? narrow : wide, request())?.instance.id ?? ''
      picks[id] = (picks[id] ?? 0) + 1
    }
    expect(picks['a']).toBeGreaterThan(500)
    expect((picks['b'] ?? 0) / (picks['c'] ?? 1)).toBeCloseTo(2, 0)
  })

  it('uses a weight that a snapshot changes', () => {
    const set = trio()
    const balancer = weightedRoundRobin()
    tally(balancer, set, 30)
    const heavier = set.map((one) => Object.assign(one, { weight: one.instance.id === 'a' ? 8 : 1 }))
    expect(tally(balancer, heavier, 100)['a']).toBeGreaterThan(76)
  })

  it('picks an endpoint that the call has not tried, and the tried one keeps its turns', () => {
    const [a, b, c] = trio()
    const set = [a, b, c]
    const request = requests()
    const balancer = weightedRoundRobin()
    expect(tally(balancer, set, 50, () => request({ tried: [a, b] }))).toEqual({ a: 0, b: 0, c: 50 })
    expect(set).toContain(balancer.pick(set, request({ tried: set })))
    expect(tally(balancer, set, 300)['c']).toBeGreaterThan(95)
  })

  it('picks an endpoint of weight 0 only when there is no other', () => {
    const none = endpoint('none', { weight: 0 })
    const balancer = weightedRoundRobin()
    expect(tally(balancer, [none, endpoint('some')], 1000)['some']).toBeGreaterThanOrEqual(999)
    expect(tally(balancer, [none], 3)).toEqual({ none: 3 })
    expect(tally(balancer, [none, endpoint('some')], 1000)['some']).toBeGreaterThanOrEqual(998)
  })
})
