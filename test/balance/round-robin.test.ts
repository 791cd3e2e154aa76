import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/balance/balancer.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { endpoint, endpoints, requests, sequence, tally, trio } from './harness.ts'

/** Starts at the first endpoint. */
const fromFirst = (): ReturnType<ReturnType<typeof requests>> => ({ ...requests()(), random: () => 0 })

describe('roundRobin', () => {
  it.each([
    [1, 'aaaa'],
    [2, 'abababab'],
    [3, 'abcabcabc'],
  ])('takes %i in order', (count, expected) => {
    expect(sequence(roundRobin(), endpoints(count), expected.length, fromFirst)).toBe(expected)
  })

  it('starts at a random endpoint, so that clients started together do not start on the same one', () => {
    const set = endpoints(4)
    const request = requests(3)
    const firsts = new Set(Array.from({ length: 60 }, () => roundRobin().pick(set, request())?.instance.id))
    expect(firsts).toEqual(new Set(['a', 'b', 'c', 'd']))
  })

  it.each<[string, (all: Endpoint[]) => Endpoint[], string]>([
    ['an endpoint that was already picked leaves', ([, b, c, d]) => [b, c, d] as Endpoint[], 'ab|cdb'],
    ['the next endpoint leaves', ([a, b, , d]) => [a, b, d] as Endpoint[], 'ab|dab'],
    ['an endpoint joins at the end', (all) => [...all, endpoint('e')], 'ab|cdeabcde'],
    ['an endpoint joins at the front', (all) => [endpoint('e'), ...all], 'ab|cdeabcde'],
    ['the registry reverses the order', (all) => all.toReversed(), 'ab|cdcbad'],
    ['all are replaced', () => [endpoint('x'), endpoint('y')], 'ab|xyxy'],
  ])('goes on in turn when %s', (_name, change, expected) => {
    const all = endpoints(4)
    const balancer = roundRobin()
    const [before = '', after = ''] = expected.split('|')
    expect(sequence(balancer, all, before.length, fromFirst)).toBe(before)
    expect(sequence(balancer, change(all), after.length, fromFirst)).toBe(after)
  })

  it('never lets two endpoints that stay differ by more than one pick, while others come, go or alternate', () => {
    const stable = endpoints(3)
    const guests = [endpoint('x'), endpoint('y'), endpoint('z')]
    const everyone = [...stable, ...guests]
    const sets = Array.from({ length: 8 }, (_, bits) =>
      everyone.filter((one) => stable.includes(one) || bits & (1 << guests.indexOf(one))),
    )
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ set: fc.nat(7), picks: fc.integer({ min: 1, max: 9 }), sameArray: fc.boolean() }),
          {
            maxLength: 60,
          },
        ),
        fc.integer(),
        (steps, seed) => {
          const balancer = roundRobin()
          const request = requests(seed)
          const counts = new Map<Endpoint, number>(stable.map((one) => [one, 0]))
          for (const { set, picks, sameArray } of steps) {
            const kept = sets[set] as Endpoint[]
            const array = sameArray ? kept : [...kept]
            for (let pick = 0; pick < picks; pick++) {
              const chosen = balancer.pick(array, request()) as Endpoint
              expect(array).toContain(chosen)
              if (counts.has(chosen)) counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
              expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1)
            }
          }
        },
      ),
    )
  })

  it('picks every endpoint when two routes with different sets take turns', () => {
    const [a, b, c] = trio()
    const balancer = roundRobin()
    const wide = [a, b, c]
    const narrow = [b, c]
    const picks = { a: 0, b: 0, c: 0 }
    for (let turn = 0; turn < 600; turn++) {
      const chosen = balancer.pick(turn % 2 ? narrow : wide, fromFirst())
      picks[chosen?.instance.id as 'a']++
    }
    // A third of the wide route's picks would be 100. The rest compensates for the narrow route's picks.
    expect(picks).toEqual({ a: 150, b: 225, c: 225 })
  })

  it('passes over an endpoint that the call has tried, and it keeps its turn', () => {
    const [a, b, c] = trio()
    const set = [a, b, c]
    const request = requests()
    const balancer = roundRobin()
    expect(sequence(balancer, set, 1, fromFirst)).toBe('a')
    expect(balancer.pick(set, request({ tried: [b] }))).toBe(c)
    expect(sequence(balancer, set, 7, fromFirst)).toBe('bcabcab')
    expect(set).toContain(balancer.pick(set, request({ tried: set })))
  })

  it('counts an extra pick for a retry as a turn of the next round', () => {
    const [a, b, c] = trio()
    const set = [a, b, c]
    const balancer = roundRobin()
    expect(sequence(balancer, set, 2, fromFirst)).toBe('ab')
    expect(balancer.pick(set, requests()({ tried: [c] }))).toBe(a)
    expect(sequence(balancer, set, 6, fromFirst)).toBe('cbcabc')
  })

  it('owes no more than one round, however many retries an endpoint served', () => {
    const [a, b] = trio()
    const set = [a, b]
    const balancer = roundRobin()
    for (let retry = 0; retry < 50; retry++)
      balancer.pick(set, { ...fromFirst(), excluded: (one) => one === a })
    expect(sequence(balancer, set, 6, fromFirst)).toBe('aababa')
  })

  it('picks nothing from an empty set', () => {
    expect(roundRobin().pick([], fromFirst())).toBeUndefined()
  })

  it('can be shared by two clients', () => {
    const balancer = roundRobin()
    const mine = endpoints(3)
    const yours = endpoints(2)
    for (let turn = 0; turn < 60; turn++) {
      expect(mine).toContain(balancer.pick(mine, fromFirst()))
      expect(yours).toContain(balancer.pick(yours, fromFirst()))
    }
    expect(tally(balancer, mine, 30)).toEqual({ a: 10, b: 10, c: 10 })
  })
})
