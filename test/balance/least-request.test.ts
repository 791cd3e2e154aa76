import { describe, expect, it } from 'vitest'
import { leastRequest, type LeastRequestOptions } from '../../src/balance/least-request.ts'
import { chiLimit, chiSquare, endpoint, endpoints, requests, tally, trio } from './harness.ts'
import { supermarket } from './supermarket.ts'

describe('leastRequest', () => {
  it('picks the only endpoint', () => {
    expect(tally(leastRequest(), endpoints(1), 5)).toEqual({ a: 5 })
  })

  it('compares two different endpoints: it never picks the busier of two', () => {
    const busy = { ...endpoint('a'), inFlight: 1 }
    expect(tally(leastRequest(), [busy, endpoint('b')], 2000)).toEqual({
      a: 0,
      b: 2000,
    })
  })

  it('never picks the busiest of many, as it compares two different ones', () => {
    const { busy, ...idle } = tally(
      leastRequest(),
      [...endpoints(9), { ...endpoint('busy'), inFlight: 1 }],
      5000,
    )
    expect(busy).toBe(0)
    expect(chiSquare(idle, () => 1 / 9)).toBeLessThan(chiLimit(9))
  })

  it.each([2, 3, 10])('picks evenly among %i equal endpoints', (count) => {
    const picks = tally(leastRequest(), endpoints(count), count * 500)
    expect(chiSquare(picks, () => 1 / count)).toBeLessThan(chiLimit(count))
  })

  it('compares as many endpoints as the option says', () => {
    const set = endpoints(5)
    for (const [index, one] of set.entries()) one.inFlight = index
    expect(tally(leastRequest({ choices: 5 }), set, 500)).toMatchObject({
      a: 500,
    })
    const { d, e, ...three } = tally(leastRequest({ choices: 3 }), set, 5000)
    expect([d, e]).toEqual([0, 0])
    expect(chiSquare(three, (id) => ({ a: 0.6, b: 0.3 })[id] ?? 0.1)).toBeLessThan(chiLimit(3))
  })

  it('divides requests among idle endpoints by weight, and among busy ones by load per weight', () => {
    const set = [endpoint('a', { weight: 1 }), endpoint('b', { weight: 3 }), endpoint('c', { weight: 6 })]
    const idle = tally(leastRequest(), set, 6000)
    expect(chiSquare(idle, (id) => ({ a: 0.1, b: 0.3, c: 0.6 })[id] ?? 0)).toBeLessThan(chiLimit(3))
    const [light, heavy] = [endpoint('light'), endpoint('heavy', { weight: 10 })]
    light.inFlight = 2
    heavy.inFlight = 10
    expect(tally(leastRequest(), [light, heavy], 200)).toEqual({
      light: 0,
      heavy: 200,
    })
  })

  it('picks an endpoint that the call has not tried, while there is one', () => {
    const set = trio()
    set[2].inFlight = 50
    const request = requests()
    const balancer = leastRequest()
    expect(tally(balancer, set, 300, () => request({ tried: [set[0], set[1]] }))).toEqual({
      a: 0,
      b: 0,
      c: 300,
    })
    expect(set).toContain(balancer.pick(set, request({ tried: set })))
  })

  it.each([
    [{ choices: 1 }, 'leastRequest.choices must be an integer >= 2 and <= 64, got 1'],
    [{ choices: 2.5 }, 'leastRequest.choices must be an integer >= 2 and <= 64, got 2.5'],
    [{ choices: null }, 'leastRequest.choices must be a number, got null'],
    [{ choice: 2 }, 'leastRequest.choice is not an option; known: choices'],
  ])('rejects %o', (options, message) => {
    expect(() => leastRequest(options as LeastRequestOptions)).toThrow(message)
  })

  it('matches the supermarket model: with 100 exponential servers at 90 % load, a call takes 2.614 service times on average', () => {
    // Mitzenmacher: with a random choice a call takes 10 service times on average, with two choices 2.614.
    expect(
      Math.abs(
        supermarket(leastRequest(), {
          servers: 100,
          load: 0.9,
          calls: 400_000,
        }) /
          2.614 -
          1,
      ),
    ).toBeLessThan(0.03)
  })
})
