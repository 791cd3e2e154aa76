import { describe, expect, it } from 'vitest'
import { leastRequest, type LeastRequestOptions } from '../../src/balance/least-request.ts'
import { chiLimit, chiSquare, endpoint, endpoints, requests, tally, trio } from './harness.ts'
import { supermarket } from './supermarket.ts'

describe('leastRequest', () => {
  it('takes the only one', () => {
    expect(tally(leastRequest(), endpoints(1), 5)).toEqual({ a: 5 })
  })

  it('always compares two different ones: the busier of two is never taken', () => {
    const busy = { ...endpoint('a'), inFlight: 1 }
    expect(tally(leastRequest(), [busy, endpoint('b')], 2000)).toEqual({ a: 0, b: 2000 })
  })

  it('never takes the busiest of many, as it cannot meet itself', () => {
    const { busy, ...idle } = tally(
      leastRequest(),
      [...endpoints(9), { ...endpoint('busy'), inFlight: 1 }],
      5000,
    )
    expect(busy).toBe(0)
    expect(chiSquare(idle, () => 1 / 9)).toBeLessThan(chiLimit(9))
  })

  it.each([2, 3, 10])('breaks ties among %i without bias', (count) => {
    const picks = tally(leastRequest(), endpoints(count), count * 500)
    expect(chiSquare(picks, () => 1 / count)).toBeLessThan(chiLimit(count))
  })

  it('looks at as many as it is told to', () => {
    const set = endpoints(5)
    for (const [index, one] of set.entries()) one.inFlight = index
    expect(tally(leastRequest({ choices: 5 }), set, 500)).toMatchObject({ a: 500 })
    const { d, e, ...three } = tally(leastRequest({ choices: 3 }), set, 5000)
    expect([d, e]).toEqual([0, 0])
    expect(chiSquare(three, (id) => ({ a: 0.6, b: 0.3 })[id] ?? 0.1)).toBeLessThan(chiLimit(3))
  })

  it('shares idle endpoints by weight, and busy ones by load per weight', () => {
    const set = [endpoint('a', { weight: 1 }), endpoint('b', { weight: 3 }), endpoint('c', { weight: 6 })]
    const idle = tally(leastRequest(), set, 6000)
    expect(chiSquare(idle, (id) => ({ a: 0.1, b: 0.3, c: 0.6 })[id] ?? 0)).toBeLessThan(chiLimit(3))
    const [light, heavy] = [endpoint('light'), endpoint('heavy', { weight: 10 })]
    light.inFlight = 2
    heavy.inFlight = 10
    expect(tally(leastRequest(), [light, heavy], 200)).toEqual({ light: 0, heavy: 200 })
  })

  it('avoids what the call has tried while another is left', () => {
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
  ])('refuses %o', (options, message) => {
    expect(() => leastRequest(options as LeastRequestOptions)).toThrow(message)
  })

  it('is the supermarket model: 100 exponential servers at 90 % load keep a call 2.614 on average', () => {
    // Mitzenmacher: random choice gives 10, two choices 2.614, in units of one service time.
    expect(
      Math.abs(supermarket(leastRequest(), { servers: 100, load: 0.9, calls: 400_000 }) / 2.614 - 1),
    ).toBeLessThan(0.03)
  })
})
