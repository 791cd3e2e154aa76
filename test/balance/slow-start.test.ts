import { describe, expect, it } from 'vitest'
import type { Balancer } from '../../src/balance/balancer.ts'
import { consistentHash } from '../../src/balance/consistent-hash.ts'
import { leastRequest } from '../../src/balance/least-request.ts'
import { random } from '../../src/balance/random.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { slowStart, type SlowStartOptions } from '../../src/balance/slow-start.ts'
import { weightedRoundRobin } from '../../src/balance/weighted-round-robin.ts'
import { endpoint, endpoints, requests, tally } from './harness.ts'

const byPath = (): Balancer => consistentHash({ key: ({ path }) => path, loadFactor: Infinity })

describe.each<[string, () => Balancer]>([
  ['roundRobin', roundRobin],
  ['weightedRoundRobin', weightedRoundRobin],
  ['random', random],
  ['leastRequest', leastRequest],
  ['consistentHash', byPath],
])('slowStart over %s', (_name, inner) => {
  it.each([
    { age: 0, share: 0.1 },
    { age: 5_000, share: 0.5 },
    { age: 8_000, share: 0.8 },
    { age: 10_000, share: 1 },
  ])('gives an endpoint $age ms old $share of its share', ({ age, share }) => {
    const old = endpoints(4)
    const set = [...old, endpoint('young')]
    const balancer = slowStart(inner(), { window: 10_000 })
    const request = requests(7)
    let key = 0
    const ask = (now: number) => () => request({ now, path: `/${key++}` })
    tally(balancer, old, 10, ask(0))
    balancer.pick(set, ask(1_000)())
    const full = (tally(inner(), set, 4_000, ask(0))['young'] ?? 0) / 4_000
    const got = (tally(balancer, set, 4_000, ask(1_000 + age))['young'] ?? 0) / 4_000
    // The picks that it declines go to the others. Their turns then bring it forward a little.
    expect(got / full).toBeGreaterThan(share * 0.8)
    expect(got / full).toBeLessThan(share * 1.2 + 0.03)
  })
})

describe('slowStart', () => {
  it('treats the endpoints of the first set as warm', () => {
    const balancer = slowStart(roundRobin())
    expect(tally(balancer, endpoints(2), 100)).toEqual({ a: 50, b: 50 })
  })

  it('picks warming endpoints when there are no others', () => {
    const balancer = slowStart(roundRobin())
    tally(balancer, endpoints(2), 2)
    const picks = tally(balancer, [endpoint('x'), endpoint('y')], 200)
    expect((picks['x'] ?? 0) + (picks['y'] ?? 0)).toBe(200)
    expect(Math.abs((picks['x'] ?? 0) - 100)).toBeLessThan(30)
  })

  it('prefers a warming endpoint to one already tried', () => {
    const [old] = endpoints(1)
    const young = endpoint('young')
    const balancer = slowStart(roundRobin())
    const request = requests()
    tally(balancer, old ? [old] : [], 1)
    const set = old ? [old, young] : []
    for (let call = 0; call < 50; call++) {
      expect(balancer.pick(set, request({ tried: old ? [old] : [] }))).toBe(young)
    }
  })

  it.each([
    [{ window: 0 }, 'slowStart.window must be a number > 0, got 0'],
    [{ window: null }, 'slowStart.window must be a number, got null'],
    [{ initial: null }, 'slowStart.initial must be a number, got null'],
    [{ initial: 2 }, 'slowStart.initial must be a number >= 0 and <= 1, got 2'],
  ])('rejects %o', (options, message) => {
    expect(() => slowStart(random(), options as SlowStartOptions)).toThrow(message)
  })
})
