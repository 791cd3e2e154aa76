import { describe, expect, it } from 'vitest'
import type { Balancer } from '../../src/balance/balancer.ts'
import { peakEwma } from '../../src/balance/peak-ewma.ts'
import { prequal, type PrequalOptions } from '../../src/balance/prequal.ts'
import { parseLoad } from '../../src/load/parse.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { endpoints, requests, sequence, tally, type FakeEndpoint } from './harness.ts'

function report(balancer: Balancer, to: FakeEndpoint, inFlight: number, latency: number, now = 0): void {
  balancer.reported?.(
    to,
    {
      named: new Map([
        ['in_flight', inFlight],
        ['latency', latency],
      ]),
    },
    now,
  )
}

/** A strategy with enough reports of each endpoint to know the usual values. */
function informed(said: readonly (readonly [inFlight: number, latency: number])[], options?: PrequalOptions) {
  const set = endpoints(said.length)
  const balancer = prequal({ choices: said.length, ...options })
  for (let round = 0; round < 32; round++) {
    for (const [index, [inFlight, latency]] of said.entries()) {
      report(balancer, set[index] as FakeEndpoint, inFlight, latency)
    }
  }
  return { set, balancer }
}

function chosen(said: readonly (readonly [number, number])[], options?: PrequalOptions, now = 0): string {
  const { set, balancer } = informed(said, options)
  return balancer.pick(set, requests()({ now }))?.instance.id ?? 'none'
}

describe('prequal', () => {
  it.each<[string, [number, number][], PrequalOptions, string]>([
    [
      'picks the fastest of the cold endpoints',
      [
        [5, 30],
        [6, 10],
        [7, 20],
        [20, 1],
      ],
      { hot: 0.7 },
      'b',
    ],
    [
      'does not pick a hot endpoint, however fast it is',
      [
        [5, 30],
        [50, 1],
        [6, 31],
      ],
      { hot: 0.6 },
      'a',
    ],
    [
      'picks the hot endpoint with the fewest requests in flight when all are hot',
      [
        [9, 10],
        [5, 90],
        [7, 20],
      ],
      { hot: 0 },
      'b',
    ],
    [
      'picks the fastest when none is hot',
      [
        [9, 10],
        [5, 90],
        [7, 20],
      ],
      { hot: 1 },
      'a',
    ],
  ])('%s', (_name, said, options, expected) => {
    expect(chosen(said, options)).toBe(expected)
  })

  it('adds the attempts sent since the report, and removes them when they end', () => {
    const { set, balancer } = informed(
      [
        [3, 10],
        [5, 10],
        [100, 10],
      ],
      { hot: 0 },
    )
    const request = requests()
    expect(sequence(balancer, set, 2, request)).toBe('aa')
    // Both have the same load now, so the first one drawn wins.
    const [a] = set as [FakeEndpoint]
    balancer.settled?.(a, 'success', 1, 0, 200)
    balancer.settled?.(a, 'success', 1, 0, 200)
    expect(sequence(balancer, set, 2, request)).toBe('aa')
  })

  it('lets an old report fade to the usual value', () => {
    const { set, balancer } = informed(
      [
        [0, 10],
        [5, 10],
        [5, 10],
        [5, 10],
      ],
      { hot: 0, fade: 1_000 },
    )
    const picks = tally(balancer, set, 400, () => requests(5)({ now: 9_000 }))
    expect(Math.max(...Object.values(picks))).toBeLessThan(200)
  })

  it('avoids a stalled endpoint, although its last report was the best', () => {
    const { set, balancer } = informed(
      [
        [1, 5],
        [2, 20],
        [2, 20],
      ],
      { hot: 1 },
    )
    Object.assign(set[0] as FakeEndpoint, {
      pending: 3,
      inFlight: 3,
      age: 5_000,
    })
    expect(sequence(balancer, set, 20)).not.toContain('a')
  })

  it('avoids a failing endpoint, whatever it reports', () => {
    const { set, balancer } = informed([
      [0, 0],
      [9, 50],
      [9, 50],
    ])
    const [a] = set as [FakeEndpoint]
    for (let failure = 1; failure <= 3; failure++) {
      report(balancer, a, 0, 0, failure * 10)
      balancer.settled?.(a, 'failure', 1, failure * 10, 503)
    }
    expect(tally(balancer, set, 500, () => requests()({ now: 50 }))['a']).toBe(0)
  })

  it('picks like peakEwma before the first report, and again when reports stop', () => {
    const set = endpoints(6)
    const [plain, informedOne] = [peakEwma(), prequal()]
    const clock = new ManualClock({ seed: 9 })
    const pick = (now: number): void => {
      const seed = Math.floor(clock.random() * 1e6)
      const first = plain.pick(set, requests(seed)({ now })) as FakeEndpoint
      expect(informedOne.pick(set, requests(seed)({ now }))).toBe(first)
      const ms = 5 + clock.random() * 100
      const outcome = clock.random() < 0.1 ? 'failure' : 'success'
      for (const each of [plain, informedOne]) each.settled?.(first, outcome, ms, now + ms, 200)
    }
    for (let call = 0; call < 300; call++) pick(call * 10)
    report(informedOne, set[0] as FakeEndpoint, 1, 1, 3_000)
    for (let call = 0; call < 300; call++) pick(14_000 + call * 10)
  })

  it('shows the cost that it compares: the fastest cold endpoint has the lowest, a hot one the highest', () => {
    const { set, balancer } = informed(
      [
        [5, 30],
        [6, 10],
        [50, 1],
      ],
      { hot: 0.6 },
    )
    const costs = set.map((each) => balancer.standing?.(each, 0)?.cost ?? Number.NaN)
    expect(costs[1]).toBeLessThan(costs[0] as number)
    expect(costs[0]).toBeLessThan(costs[2] as number)
    expect(balancer.pick(set, requests()())?.instance.id).toBe('b')
    // No endpoint has reported for long, so the strategy picks like `peakEwma()`.
    expect(balancer.standing?.(set[0] as FakeEndpoint, 60_000)).toEqual(
      peakEwma().standing?.(set[0] as FakeEndpoint, 60_000),
    )
  })

  it('ignores reports without the two metrics', () => {
    const [a, b] = endpoints(2) as [FakeEndpoint, FakeEndpoint]
    const [told, untold] = [prequal(), prequal()]
    told.reported?.(a, { rps: 5, cpuUtilization: 0.1 }, 0)
    told.reported?.(a, { named: new Map([['in_flight', 0]]) }, 0)
    expect(sequence(told, [a, b], 50, requests(2))).toBe(sequence(untold, [a, b], 50, requests(2)))
  })

  it.each<[string, string]>([
    ['no load and no latency', 'named_metrics.in_flight=0,named_metrics.latency=0'],
    ['the smallest numbers', 'named_metrics.in_flight=5e-324,named_metrics.latency=5e-324'],
    ['the largest numbers', 'named_metrics.in_flight=1.7e308,named_metrics.latency=1.7e308'],
    ['no load, and the largest latency', 'named_metrics.in_flight=0,named_metrics.latency=1.7e308'],
    ['NaN', 'named_metrics.in_flight=NaN,named_metrics.latency=1'],
    ['negative numbers', 'named_metrics.in_flight=-5,named_metrics.latency=-5'],
    ['a million characters', `named_metrics.in_flight=0,named_metrics.latency=0,${'x'.repeat(1e6)}=1`],
  ])(
    'a server that reports %s gets three times its share at most, and the others keep theirs',
    (_name, lie) => {
      const clock = new ManualClock({ seed: 3 })
      const set = endpoints(12)
      const balancer = prequal()
      const request = requests(4)
      const picks = new Map<string, number>()
      const count = 6_000
      for (let call = 0; call < count; call++) {
        const now = call * 2
        const picked = balancer.pick(set, request({ now })) as FakeEndpoint
        const { id } = picked.instance
        picks.set(id, (picks.get(id) ?? 0) + 1)
        const honest = `named_metrics.in_flight=${Math.floor(clock.random() * 10)},named_metrics.latency=${5 + clock.random() * 10}`
        const said = parseLoad(id === 'a' ? lie : honest)
        if (said) balancer.reported?.(picked, said, now)
        balancer.settled?.(picked, 'success', 10, now, 200)
      }
      expect(picks.get('a') ?? 0).toBeLessThan((count * 3 * 1.1) / 12)
      for (const { instance } of set.slice(1)) {
        expect(picks.get(instance.id) ?? 0).toBeGreaterThan((count / 12) * 0.6)
      }
    },
  )

  it.each([2, 3, 4])('one of %i endpoints that lies and is slow gets less than the others', (count) => {
    const set = endpoints(count)
    const balancer = prequal()
    const request = requests(6)
    const picks = new Map<string, number>()
    for (let call = 0; call < 2_000; call++) {
      const now = call * 5
      const picked = balancer.pick(set, request({ now })) as FakeEndpoint
      const { id } = picked.instance
      picks.set(id, (picks.get(id) ?? 0) + 1)
      const isLiar = id === 'a'
      report(balancer, picked, isLiar ? 0 : 2, isLiar ? 0 : 10, now)
      balancer.settled?.(picked, 'success', isLiar ? 100 : 10, now, 200)
    }
    expect(picks.get('a') ?? 0).toBeLessThan(2_000 / count)
    expect(picks.get('a') ?? 0).toBeGreaterThan(0)
  })

  it('picks the same endpoints as a slow model of the rule', () => {
    const clock = new ManualClock({ seed: 21 })
    const set = endpoints(5)
    const balancer = prequal({ choices: 5, hot: 0.5, fade: 1e12 })
    const history: number[] = []
    const last = new Map<FakeEndpoint, [inFlight: number, latency: number]>()
    for (let round = 0; round < 64; round++) {
      for (const each of set) {
        const said: [number, number] = [Math.floor(clock.random() * 50), 1 + clock.random() * 100]
        report(balancer, each, ...said)
        history.push(said[0])
        last.set(each, said)
      }
      // The strategy computes its limits after each 16 reports, from the last 128.
      const known = history.slice(0, history.length - (history.length % 16)).slice(-128)
      const sorted = known.toSorted((x, y) => x - y)
      const limit = sorted[Math.floor(0.5 * sorted.length)] ?? Infinity
      const ranked = [...last].toSorted(([, [load, ms]], [, [otherLoad, otherMs]]) => {
        const [isHot, isOtherHot] = [load > limit, otherLoad > limit]
        if (isHot !== isOtherHot) return isHot ? 1 : -1
        return isHot ? load - otherLoad : ms - otherMs
      })
      const [best] = ranked[0] as [FakeEndpoint, [number, number]]
      const picked = balancer.pick(set, requests(round)()) as FakeEndpoint
      // Of equal loads, the first one drawn wins.
      expect(last.get(picked)?.[0] === last.get(best)?.[0] || picked === best).toBe(true)
      balancer.settled?.(picked, 'success', 1, 0, 200)
    }
  })

  it.each<[PrequalOptions, string]>([
    [{ choices: 1 }, 'prequal.choices must be'],
    [{ choices: 2.5 }, 'prequal.choices must be'],
    [{ hot: 1.1 }, 'prequal.hot must be'],
    [{ fade: 0 }, 'prequal.fade must be'],
    [{ probes: 3 } as PrequalOptions, 'prequal.probes is not an option'],
  ])('rejects %o', (options, message) => {
    expect(() => prequal(options)).toThrow(message)
  })
})
