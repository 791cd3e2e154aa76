import { describe, expect, it } from 'vitest'
import { random } from '../../src/balance/random.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { zoneAware, type ZoneAwareOptions } from '../../src/balance/zone-aware.ts'
import { endpoint, endpoints, requests, tally, type FakeEndpoint } from './harness.ts'

type Counts = Readonly<Record<string, number>>

const inZone = (zone: string, count: number): FakeEndpoint[] =>
  Array.from({ length: count }, (_, index) => endpoint(`${zone}${index}`, { zone }))

/** The share of requests that each zone gets from a caller in zone `a`. */
function shares(healthy: Counts, all: Counts = healthy, options: Partial<ZoneAwareOptions> = {}): Counts {
  const everyone = Object.entries(all).map(([zone, count]) => inZone(zone, count))
  const set = everyone.flatMap((members) => members.slice(0, healthy[members[0]?.instance.zone ?? ''] ?? 0))
  const request = requests()
  const picks = tally(zoneAware(random(), { zone: 'a', ...options }), set, 6_000, () =>
    request({ all: everyone.flat() }),
  )
  const result: Record<string, number> = {}
  for (const [id, count] of Object.entries(picks)) {
    const zone = id.charAt(0)
    result[zone] = (result[zone] ?? 0) + count / 6_000
  }
  return result
}

describe('zoneAware', () => {
  it.each<{
    name: string
    healthy: Counts
    all?: Counts
    options?: Partial<ZoneAwareOptions>
    expected: Counts
  }>([
    {
      name: 'stays local when zones are equal',
      healthy: { a: 3, b: 3, c: 3 },
      expected: { a: 1, b: 0, c: 0 },
    },
    {
      name: 'stays local when the local zone is larger',
      healthy: { a: 5, b: 1, c: 3 },
      expected: { a: 1, b: 0, c: 0 },
    },
    {
      name: 'sends to other zones what the local zone can no longer handle',
      healthy: { a: 2, b: 3, c: 3 },
      all: { a: 3, b: 3, c: 3 },
      expected: { a: 0.75, b: 0.125, c: 0.125 },
    },
    {
      name: 'uses only zones with spare capacity',
      healthy: { a: 2, b: 2, c: 5 },
      all: { a: 5, b: 5, c: 5 },
      expected: { a: 2 / 3, b: 0, c: 1 / 3 },
    },
    {
      name: 'counts the callers of a zone without endpoints',
      healthy: { a: 3, b: 3 },
      all: { a: 3, b: 3, c: 3 },
      expected: { a: 1, b: 0 },
    },
    {
      name: 'leaves a local zone without endpoints',
      healthy: { b: 3, c: 1 },
      all: { a: 2, b: 3, c: 1 },
      expected: { b: 1, c: 0 },
    },
    {
      name: 'uses any zone from an unknown zone',
      healthy: { b: 2, c: 2 },
      expected: { b: 0.5, c: 0.5 },
    },
    {
      name: 'uses the option `callers`',
      healthy: { a: 3, b: 3 },
      options: { callers: 0.75 },
      expected: { a: 2 / 3, b: 1 / 3 },
    },
    {
      name: 'is local when there is one zone',
      healthy: { a: 3 },
      expected: { a: 1 },
    },
  ])('$name', ({ healthy, all, options, expected }) => {
    const got = shares(healthy, all, options)
    for (const [zone, share] of Object.entries(expected)) {
      // A share of 0 or 1 is exact, except for rounding errors of the sum.
      const slack = share === 0 || share === 1 ? 1e-9 : 0.03
      expect(Math.abs((got[zone] ?? 0) - share)).toBeLessThan(slack)
    }
  })

  it('loads all healthy instances equally when the callers of all zones use it', () => {
    const zones = ['a', 'b', 'c']
    const all = [...inZone('a', 2), ...inZone('b', 3), ...inZone('c', 5)]
    const total: Record<string, number> = {}
    const request = requests()
    for (const zone of zones) {
      const picks = tally(zoneAware(random(), { zone }), all, 10_000, () => request({ all }))
      for (const [id, count] of Object.entries(picks)) total[id] = (total[id] ?? 0) + count
    }
    for (const count of Object.values(total)) expect(Math.abs(count / 3_000 - 1)).toBeLessThan(0.08)
  })

  it('sends requests to other zones in proportion to local overload, and returns when it ends', () => {
    const set = [...inZone('a', 2), ...inZone('b', 2)]
    const balancer = zoneAware(random(), { zone: 'a' })
    const [home] = set as [FakeEndpoint]
    const atHome = (): number => {
      const picks = tally(balancer, set, 3_000)
      return ((picks['a0'] ?? 0) + (picks['a1'] ?? 0)) / 3_000
    }
    for (let call = 0; call < 500; call++) {
      balancer.settled?.(home, call % 2 ? 'overload' : 'success', 10, 0)
      balancer.settled?.(home, 'ignored', 10, 0)
    }
    expect(Math.abs(atHome() - 0.5)).toBeLessThan(0.05)
    for (let call = 0; call < 500; call++) balancer.settled?.(home, 'overload', 10, 0)
    expect(Math.abs(atHome() - 0.1)).toBeLessThan(0.03)
    for (let call = 0; call < 500; call++) balancer.settled?.(home, 'success', 10, 0)
    expect(atHome()).toBe(1)
  })

  it('does not count the overload of other zones as local', () => {
    const set = [...inZone('a', 1), ...inZone('b', 1)]
    const balancer = zoneAware(random(), { zone: 'a' })
    for (let call = 0; call < 100; call++) balancer.settled?.(set[1] as FakeEndpoint, 'overload', 10, 0)
    expect(tally(balancer, set, 100)).toEqual({ a0: 100, b0: 0 })
  })

  it('uses another zone for a retry when all local endpoints are tried, and tells the inner strategy', () => {
    const [home] = inZone('a', 1) as [FakeEndpoint]
    const [away] = inZone('b', 1) as [FakeEndpoint]
    const seen: unknown[] = []
    const inner = {
      ...roundRobin(),
      settled: (...told: unknown[]) => void seen.push(told),
    }
    const balancer = zoneAware(inner, { zone: 'a' })
    expect(balancer.pick([home, away], requests()({ tried: [home] }))).toBe(away)
    balancer.settled?.(away, 'success', 1, 2)
    expect(seen).toEqual([[away, 'success', 1, 2]])
  })

  it('leaves endpoints without zones to the inner strategy', () => {
    expect(tally(zoneAware(roundRobin(), { zone: 'a' }), endpoints(2), 100)).toEqual({ a: 50, b: 50 })
  })

  it.each([
    [{}, 'zoneAware.zone must be a non-empty string, got undefined'],
    [{ zone: 'a', callers: 0 }, 'zoneAware.callers must be a number > 0 and <= 1, got 0'],
    [{ zone: 'a', zones: 3 }, 'zoneAware.zones is not an option; known: zone, callers'],
  ])('rejects %o', (options, message) => {
    expect(() => zoneAware(random(), options as ZoneAwareOptions)).toThrow(message)
  })
})
