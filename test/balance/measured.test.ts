import { describe, expect, it } from 'vitest'
import type { Balancer } from '../../src/balance/balancer.ts'
import { doubts, Measured } from '../../src/balance/measured.ts'
import { prequal } from '../../src/balance/prequal.ts'
import { reportedLoad } from '../../src/balance/reported-load.ts'
import { parseLoad } from '../../src/load/parse.ts'
import { endpoints, requests, tally, type FakeEndpoint } from './harness.ts'

const IDLE = 'cpu_utilization=0.01,rps_fractional=100000,named_metrics.in_flight=0,named_metrics.latency=0.1'
const BUSY = 'cpu_utilization=0.5,rps_fractional=100,named_metrics.in_flight=4,named_metrics.latency=10'

function measured(...ms: number[]): Measured {
  const own = new Measured()
  for (const each of ms) own.add(each, true)
  return own
}

describe('the latency that a client measures', () => {
  it('is the mean of the first few responses, and then a moving average', () => {
    expect(measured(10, 20, 30).ms).toBe(20)
    const long = measured(...Array<number>(50).fill(10))
    long.add(110, true)
    expect(long.ms).toBe(20)
  })

  it('is not changed by an attempt that ended early without merit, but by one that took long', () => {
    const own = measured(10)
    own.add(1, false)
    expect(own.ms).toBe(10)
    own.add(90, false)
    expect(own.ms).toBe(50)
  })

  it('doubts in proportion between the median and `slower` times the median', () => {
    const set = [10, 10, 10, 15, 20, 900].map((ms) => measured(ms))
    expect(doubts(set, 2)).toEqual([0, 0, 0, 0.5, 1, 1])
    expect(doubts(set, 3)).toEqual([0, 0, 0, 0.25, 0.5, 1])
    expect(doubts(set, Infinity)).toEqual([0, 0, 0, 0, 0, 0])
  })

  it('doubts the slower one of two, and neither a single one nor one without results', () => {
    expect(doubts([measured(10), measured(100)], 2)).toEqual([0, 1])
    expect(doubts([measured(100)], 2)).toEqual([0])
    expect(doubts([measured(10), undefined, new Measured()], 2)).toEqual([0, 0, 0])
    expect(doubts([], 2)).toEqual([])
  })

  it('treats latencies below 5 ms as equal', () => {
    expect(doubts([measured(0.1), measured(0.1), measured(4.9), measured(10)], 2)).toEqual([0, 0, 0, 1])
  })
})

interface Answer {
  readonly ms: number
  readonly header?: string
  readonly outcome?: 'success' | 'failure' | 'ignored'
  readonly status?: number
}

/** Reports responses of every endpoint: of `a` with the given latency, of the others with the usual one. */
function answered(balancer: Balancer, set: readonly FakeEndpoint[], times: number, a: Answer, at = 0): void {
  const { ms, header = IDLE, outcome = 'success', status = 200 } = a
  for (let time = 0; time < times; time++) {
    for (const each of set) {
      const isFirst = each === set[0]
      const said = parseLoad(isFirst ? header : BUSY)
      if (said) balancer.reported?.(each, said, at)
      if (isFirst) balancer.settled?.(each, outcome, ms, at, status)
      else balancer.settled?.(each, 'success', 10, at, 200)
    }
  }
}

/** Returns how many times its fair share of picks `a` gets. */
function share(balancer: Balancer, set: readonly FakeEndpoint[], now = 0): number {
  const count = 6_000
  const request = requests(7)
  let picked = 0
  for (let pick = 0; pick < count; pick++) {
    const endpoint = balancer.pick(set, request({ now })) as FakeEndpoint
    if (endpoint === set[0]) picked++
    // An attempt was abandoned, and its outcome is ignored.
    balancer.settled?.(endpoint, 'ignored', 0, now)
  }
  return (picked / count) * set.length
}

const rules: readonly [string, (slower?: number) => Balancer][] = [
  ['reportedLoad', (slower = 2) => reportedLoad({ blackout: 0, update: 0, slower })],
  ['prequal', (slower = 2) => prequal({ slower })],
]

describe.each(rules)('%s, with one endpoint that reports that it is idle', (_name, make) => {
  it('gives it more requests while it is as fast as the others', () => {
    const [balancer, set] = [make(), endpoints(10)]
    answered(balancer, set, 32, { ms: 10 })
    expect(share(balancer, set)).toBeGreaterThan(2)
  })

  it('gives it no more than its share when it takes twice as long or longer', () => {
    for (const ms of [20, 30, 35, 1_000]) {
      const [balancer, set] = [make(), endpoints(10)]
      answered(balancer, set, 32, { ms })
      expect(share(balancer, set)).toBeLessThan(1.15)
    }
  })

  it('believes it again when it has become fast', () => {
    const [balancer, set] = [make(), endpoints(10)]
    answered(balancer, set, 32, { ms: 100 })
    expect(share(balancer, set)).toBeLessThan(1.15)
    answered(balancer, set, 100, { ms: 10 }, 2_000)
    expect(share(balancer, set, 2_000)).toBeGreaterThan(2)
  })

  it.each<[string, Answer]>([
    ['fails late several times', { ms: 900, outcome: 'failure', status: 503 }],
    ['is abandoned late', { ms: 900, outcome: 'ignored', status: 0 }],
    ['responds with 404 late', { ms: 900, status: 404 }],
  ])('gives it no more than its share when it %s', (_how, answer) => {
    const [balancer, set] = [make(), endpoints(10)]
    answered(balancer, set, 32, answer)
    expect(share(balancer, set)).toBeLessThan(1.15)
  })

  it('does not treat fast 404 responses as speed', () => {
    const [balancer, set] = [make(), endpoints(10)]
    answered(balancer, set, 32, { ms: 100 })
    answered(balancer, set, 200, { ms: 1, status: 404 }, 2_000)
    expect(share(balancer, set, 2_000)).toBeLessThan(1.15)
  })

  it('believes it with `slower: Infinity`', () => {
    const [balancer, set] = [make(Infinity), endpoints(10)]
    answered(balancer, set, 32, { ms: 30 })
    expect(share(balancer, set)).toBeGreaterThan(2)
  })

  it('takes nothing away from a distant one that reports usual values', () => {
    const [balancer, set] = [make(), endpoints(10)]
    answered(balancer, set, 32, { ms: 30, header: BUSY })
    const picks = share(balancer, set)
    expect(picks).toBeGreaterThan(0.85)
    expect(picks).toBeLessThan(1.15)
  })

  it('believes a report that is to the endpoint’s own disadvantage, slow or not', () => {
    const [balancer, set] = [make(), endpoints(10)]
    answered(balancer, set, 32, {
      ms: 100,
      header: 'cpu_utilization=1,rps_fractional=50,named_metrics.in_flight=90,named_metrics.latency=100',
    })
    expect(share(balancer, set)).toBeLessThan(0.6)
  })

  it.each([1, Number.NaN, -1])('rejects slower: %s', (slower) => {
    expect(() => make(slower)).toThrow(/\.slower must be a number > 1/)
  })
})

it('reportedLoad gives an endpoint that is slightly slower a part of what it reports', () => {
  const [fast, middling] = [reportedLoad({ blackout: 0 }), reportedLoad({ blackout: 0 })]
  const set = endpoints(10)
  answered(fast, set, 32, { ms: 10 })
  answered(middling, set, 32, { ms: 17 })
  const part = share(middling, set)
  expect(part).toBeGreaterThan(1.15)
  expect(part).toBeLessThan(share(fast, set) * 0.9)
})

describe('when most endpoints lie', () => {
  it.each(rules)('%s still picks each of them', (_name, make) => {
    const [balancer, set] = [make(), endpoints(5)]
    for (let time = 0; time < 32; time++) {
      for (const [index, each] of set.entries()) {
        const said = parseLoad(index < 3 ? IDLE : BUSY)
        if (said) balancer.reported?.(each, said, 0)
        balancer.settled?.(each, 'success', index < 3 ? 100 : 10, 0, 200)
      }
    }
    expect(Math.min(...Object.values(tally(balancer, set, 4_000)))).toBeGreaterThan(0)
  })
})
