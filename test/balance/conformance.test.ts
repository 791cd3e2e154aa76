import { describe, expect, it } from 'vitest'
import type { Balancer, Endpoint, Pick, PickRequest } from '../../src/balance/balancer.ts'
import { consistentHash } from '../../src/balance/consistent-hash.ts'
import { failover } from '../../src/balance/failover.ts'
import { leastRequest } from '../../src/balance/least-request.ts'
import { peakEwma } from '../../src/balance/peak-ewma.ts'
import { prequal } from '../../src/balance/prequal.ts'
import { random } from '../../src/balance/random.ts'
import { reportedLoad } from '../../src/balance/reported-load.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { slowStart } from '../../src/balance/slow-start.ts'
import { sticky } from '../../src/balance/sticky.ts'
import { subset } from '../../src/balance/subset.ts'
import { weightedRoundRobin } from '../../src/balance/weighted-round-robin.ts'
import { zoneAware } from '../../src/balance/zone-aware.ts'
import { endpoint, requests, tally, type FakeEndpoint } from './harness.ts'

type Decorator = (inner: Balancer | Pick) => Balancer

const strategies: [string, () => Balancer][] = [
  ['roundRobin', roundRobin],
  ['weightedRoundRobin', weightedRoundRobin],
  ['random', random],
  ['leastRequest', leastRequest],
  ['leastRequest of 5', () => leastRequest({ choices: 5 })],
  ['peakEwma', peakEwma],
  ['reportedLoad', reportedLoad],
  ['prequal', prequal],
  ['consistentHash', () => consistentHash({ key: ({ path }) => path })],
]

const decorators: [string, Decorator][] = [
  ['sticky', (over) => sticky({ key: ({ path }) => path, over })],
  ['zoneAware', (inner) => zoneAware(inner, { zone: 'a' })],
  ['failover', (inner) => failover(inner)],
  ['subset', (inner) => subset(inner, { size: 3, clientId: 2 })],
  ['slowStart', (inner) => slowStart(inner, { window: 1_000 })],
]

const fleet = (count: number): FakeEndpoint[] =>
  Array.from({ length: count }, (_, index) =>
    endpoint(`e${index}`, { weight: 1 + (index % 3), zone: 'abc'.charAt(index % 3), priority: index % 2 }),
  )

describe.each([
  ...strategies,
  ...decorators.map(([name, make]): [string, () => Balancer] => [
    `${name} over peakEwma`,
    () => make(peakEwma()),
  ]),
  ['all of them', () => decorators.reduce((inner, [, make]) => make(inner), peakEwma())] as [
    string,
    () => Balancer,
  ],
])('%s', (_name, make) => {
  it.each([1, 2, 3, 7, 300])('picks each of %i endpoints once before it picks a tried one', (count) => {
    const set = fleet(count)
    const request = requests()
    const balancer = make()
    for (let call = 0; call < 30; call++) {
      const tried: Endpoint[] = []
      for (let attempt = 0; attempt < Math.min(count, 8); attempt++) {
        const chosen = balancer.pick(
          set,
          request({ tried, path: `/${call}`, now: call * 10, all: set }),
        ) as Endpoint
        expect(set).toContain(chosen)
        expect(tried).not.toContain(chosen)
        tried.push(chosen)
        balancer.settled?.(chosen, attempt % 2 ? 'failure' : 'success', 5, call * 10)
      }
    }
    expect(set).toContain(balancer.pick(set, request({ tried: set, path: '/', all: set })))
  })

  it('picks only endpoints of the current set, while sets change and alternate', () => {
    const all = fleet(12)
    const request = requests(4)
    const balancer = make()
    for (let change = 0; change < 60; change++) {
      const sets = [all.slice(change % 5, 6 + (change % 7)), all.slice(change % 3, 9)]
      for (let pick = 0; pick < 20; pick++) {
        const set = sets[pick % 2] ?? []
        const chosen = balancer.pick(
          set,
          request({ path: `/${pick}`, now: change * 100, all }),
        ) as FakeEndpoint
        expect(set).toContain(chosen)
        chosen.inFlight = pick % 4
      }
    }
  })

  it('uses every endpoint in the set', () => {
    const set = Array.from({ length: 3 }, (_, index) => endpoint(`e${index}`, { zone: 'a' }))
    const request = requests(2)
    const balancer = make()
    const seen = new Set<unknown>()
    for (let pick = 0; pick < 300; pick++) seen.add(balancer.pick(set, request({ path: `/${pick}` })))
    expect(seen.size).toBe(3)
  })
})

describe.each(decorators)('%s', (_name, make) => {
  it('passes the results of attempts on to the inner strategy', () => {
    const told: unknown[] = []
    const [one] = fleet(1) as [FakeEndpoint]
    const inner: Balancer = {
      pick: (set) => set[0],
      settled: (...args) => void told.push(args),
      amended: (...args) => void told.push(args),
      reported: (...args) => void told.push(args),
    }
    const balancer = make(inner)
    balancer.settled?.(one, 'overload', 12, 34)
    balancer.amended?.(one, 12, 34)
    balancer.reported?.(one, { rps: 1 }, 34)
    expect(told).toEqual([
      [one, 'overload', 12, 34],
      [one, 12, 34],
      [one, { rps: 1 }, 34],
    ])
  })

  it('accepts a function, and picks nothing when the function picks nothing', () => {
    const set = fleet(4)
    const none = make(() => undefined)
    expect(none.pick(set, requests()({ path: '/' }))).toBeUndefined()
    none.settled?.(set[0] as FakeEndpoint, 'success', 1, 2)
  })

  it('rejects a value that is not a strategy', () => {
    expect(() => make({} as Balancer)).toThrow(/(inner|over) must have a method pick\(\), got {}/)
  })
})

describe.each<[string, () => Balancer]>([
  ['weightedRoundRobin', weightedRoundRobin],
  ['random', random],
  ['leastRequest', leastRequest],
  ['peakEwma', peakEwma],
  ['reportedLoad', reportedLoad],
  ['prequal', prequal],
  ['consistentHash', () => consistentHash({ key: ({ path }) => path })],
])('%s', (_name, make) => {
  it('uses a weight that a snapshot changes, although the set is the same', () => {
    const set = [endpoint('a'), endpoint('b')]
    const request = requests(3)
    const balancer = make()
    let path = 0
    const share = (all: readonly Endpoint[]): number => {
      const next = (): PickRequest => request({ all, path: `/${path++}` })
      return (tally(balancer, set, 2_000, next)['a'] ?? 0) / 2_000
    }
    expect(Math.abs(share([...set]) - 0.5)).toBeLessThan(0.12)
    Object.assign(set[0] as FakeEndpoint, { weight: 9 })
    expect(share([...set])).toBeGreaterThan(0.8)
  })
})
