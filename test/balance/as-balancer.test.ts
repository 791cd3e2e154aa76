import { describe, expect, it } from 'vitest'
import { asBalancer } from '../../src/balance/as-balancer.ts'
import type { Balancer } from '../../src/balance/balancer.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { endpoints, requests } from './harness.ts'

describe('asBalancer', () => {
  it('accepts a function and an object', () => {
    const set = endpoints(2)
    expect(asBalancer((endpoints) => endpoints[1]).pick(set, requests()())).toBe(set[1])
    const own = roundRobin()
    expect(asBalancer(own)).toBe(own)
  })

  it('accepts a class instance whose methods need `this`', () => {
    class Last implements Balancer {
      readonly #offset = 1
      pick(endpoints: Parameters<Balancer['pick']>[0]): ReturnType<Balancer['pick']> {
        return endpoints.at(-this.#offset)
      }
    }
    const set = endpoints(3)
    expect(asBalancer(new Last()).pick(set, requests()())).toBe(set[2])
  })

  it.each<[unknown, string]>([
    ['round-robin', "balance must be a strategy such as roundRobin(), or a function, got 'round-robin'"],
    [undefined, 'balance must have a method pick(), got undefined'],
    [{ pick: 1 }, 'balance must have a method pick(), got { pick: 1 }'],
    [{ pick: () => undefined, settled: true }, 'balance must have a method settled(), got'],
    [{ pick: () => undefined, amended: 1 }, 'balance must have a method amended(), got'],
    [{ pick: () => undefined, reported: 1 }, 'balance must have a method reported(), got'],
    [null, 'balance must have a method pick(), got null'],
    [async () => undefined, 'balance must pick at once, not in a promise, got [AsyncFunction (anonymous)]'],
    [
      { pick: async () => undefined },
      'balance must pick at once, not in a promise, got { pick: [AsyncFunction: pick] }',
    ],
  ])('rejects %o', (value, message) => {
    expect(() => asBalancer(value as Balancer)).toThrow(message)
  })
})
