import { describe, expect, it } from 'vitest'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { sticky, type StickyOptions } from '../../src/balance/sticky.ts'
import { endpoints, requests, sequence, trio } from './harness.ts'

const request = requests()
const session =
  (path: string): (() => ReturnType<typeof request>) =>
  () =>
    request({ path })

function byPath(options: Partial<StickyOptions> = {}): ReturnType<typeof sticky> {
  return sticky({ key: ({ path }) => path, over: roundRobin(), ...options })
}

describe('sticky', () => {
  it('sends a key to the endpoint of its first request, and new keys where the inner strategy picks', () => {
    const set = endpoints(4)
    const balancer = byPath()
    const homes = ['/1', '/2', '/3', '/4'].map((path) => sequence(balancer, set, 1, session(path)))
    expect(new Set(homes).size).toBe(4)
    for (const [index, home] of homes.entries()) {
      expect(sequence(balancer, set, 5, session(`/${index + 1}`))).toBe(home.repeat(5))
    }
  })

  it.each([undefined, null])('leaves requests whose key is %s to the inner strategy', (key) => {
    const balancer = byPath({ key: () => key })
    expect(new Set(sequence(balancer, endpoints(3), 3, () => request()))).toEqual(new Set('abc'))
  })

  it('returns to an endpoint whose breaker was open for a while, from the one that replaced it', () => {
    const set = endpoints(4)
    const balancer = byPath()
    const at = (usable: typeof set, all = set): string =>
      sequence(balancer, usable, 3, () => request({ path: '/x', all }))
    const home = at(set).charAt(0)
    const others = set.filter(({ instance }) => instance.id !== home)
    const standIn = at(others).charAt(0)
    expect(standIn).not.toBe(home)
    expect(at(others)).toBe(standIn.repeat(3))
    expect(at(set)).toBe(home.repeat(3))
    // The same endpoint replaces it the next time.
    expect(at(others)).toBe(standIn.repeat(3))
    // The endpoint is gone for good. The one that replaced it keeps the key, whatever joins.
    expect(at(others, others)).toBe(standIn.repeat(3))
    const third = others.filter(({ instance }) => instance.id !== standIn)
    const next = at(third, others).charAt(0)
    expect(third.map(({ instance }) => instance.id)).toContain(next)
  })

  it('moves a key for good when its endpoint is gone', () => {
    const set = trio()
    const balancer = byPath()
    const home = sequence(balancer, set, 1, session('/x'))
    const rest = set.filter(({ instance }) => instance.id !== home)
    const next = sequence(balancer, rest, 1, session('/x'))
    expect(rest.map(({ instance }) => instance.id)).toContain(next)
    expect(sequence(balancer, set, 3, session('/x'))).toBe(next.repeat(3))
  })

  it('does not move a key for a retry on another endpoint', () => {
    const set = trio()
    const balancer = byPath()
    const home = balancer.pick(set, request({ path: '/x' }))
    expect(balancer.pick(set, request({ path: '/x', tried: home ? [home] : [] }))).not.toBe(home)
    expect(balancer.pick(set, request({ path: '/x' }))).toBe(home)
  })

  it('finds the endpoint again when a snapshot replaces its object', () => {
    const balancer = byPath()
    const home = sequence(balancer, trio(), 1, session('/x'))
    expect(sequence(balancer, trio(), 3, session('/x'))).toBe(home.repeat(3))
  })

  it('forgets a key that was unused for longer than ttl', () => {
    const set = trio()
    const balancer = byPath({ ttl: 1_000 })
    const pick = (now: number): unknown => balancer.pick(set, request({ path: '/x', now }))
    const home = pick(0)
    expect([pick(900), pick(1_800), pick(2_800)]).toEqual([home, home, home])
    expect(pick(3_801)).not.toBe(home)
  })

  it('remembers no more than max keys, those used last', () => {
    let asked = 0
    const inner = roundRobin()
    const balancer = byPath({
      max: 100,
      over: (set, request) => {
        asked++
        return inner.pick(set, request)
      },
    })
    const set = trio()
    for (let key = 0; key < 1_000; key++) {
      balancer.pick(set, request({ path: '/kept' }))
      balancer.pick(set, request({ path: `/${key}` }))
    }
    expect(asked).toBe(1_001)
    for (let key = 0; key < 900; key++) balancer.pick(set, request({ path: `/${key}` }))
    expect(asked).toBe(1_901)
  })

  it('tells the inner strategy how attempts ended', () => {
    const seen: unknown[] = []
    const balancer = byPath({
      over: { ...roundRobin(), settled: (...told) => void seen.push(told) },
    })
    const [a] = trio()
    balancer.settled?.(a, 'failure', 12, 34)
    expect(seen).toEqual([[a, 'failure', 12, 34]])
  })

  it.each([
    [{ key: { cookie: 'sid' } }, 'sticky.over must have a method pick(), got undefined'],
    [{ key: { header: 'k' }, over: roundRobin(), ttl: 0 }, 'sticky.ttl must be a number > 0, got 0'],
    [{ key: { header: 'k' }, over: roundRobin(), max: 1.5 }, 'sticky.max must be an integer >= 2, got 1.5'],
    [{ key: { header: 'k' }, over: roundRobin(), ttl: null }, 'sticky.ttl must be a number, got null'],
    [{ key: { header: 'k' }, over: roundRobin(), max: null }, 'sticky.max must be a number, got null'],
    [
      { key: { header: 'x user' }, over: roundRobin() },
      "sticky.key.header must be a header name, got 'x user'",
    ],
  ])('rejects %o', (options, message) => {
    expect(() => sticky(options as unknown as StickyOptions)).toThrow(message)
  })
})
