import { describe, expect, it } from 'vitest'
import { reportedLoad, type ReportedLoadOptions } from '../../src/balance/reported-load.ts'
import type { Balancer } from '../../src/balance/balancer.ts'
import { parseLoad } from '../../src/load/parse.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { endpoint, endpoints, requests, tally, trio, type FakeEndpoint } from './harness.ts'

const ready: ReportedLoadOptions = { blackout: 0, update: 0 }

/** The share of picks that each endpoint gets after it has reported this header. */
function shares(
  headers: Record<string, string>,
  options: ReportedLoadOptions = ready,
  set: FakeEndpoint[] = Object.keys(headers).map((id) => endpoint(id)),
): Record<string, number> {
  const balancer = reportedLoad(options)
  for (const each of set) report(balancer, each, headers[each.instance.id] ?? '', 0)
  return sharesOf(balancer, set, 0)
}

function report(balancer: Balancer, to: FakeEndpoint, header: string, now: number): void {
  const said = parseLoad(header)
  if (said) balancer.reported?.(to, said, now)
}

/** Rounds to a twentieth, as draws are random. */
function sharesOf(balancer: Balancer, set: readonly FakeEndpoint[], now: number): Record<string, number> {
  const count = 8_000
  const request = requests(7)
  const picks = tally(balancer, set, count, () => request({ now }))
  return Object.fromEntries(Object.entries(picks).map(([id, n]) => [id, Math.round((n / count) * 20) / 20]))
}

describe('reportedLoad', () => {
  it.each<[string, Record<string, string>, Record<string, number>, ReportedLoadOptions?]>([
    [
      'uses requests per second ÷ utilisation as capacity',
      {
        a: 'cpu_utilization=0.5,rps_fractional=100',
        b: 'cpu_utilization=0.5,rps_fractional=300',
      },
      { a: 0.25, b: 0.75 },
    ],
    [
      'gives more requests to the endpoint with the lower utilisation at the same rate',
      {
        a: 'cpu_utilization=0.9,rps_fractional=90',
        b: 'cpu_utilization=0.3,rps_fractional=90',
      },
      { a: 0.25, b: 0.75 },
    ],
    [
      'prefers the utilisation of the application to that of the processor',
      {
        a: 'application_utilization=0.5,cpu_utilization=0.01,rps_fractional=100',
        b: 'application_utilization=0.5,cpu_utilization=0.5,rps_fractional=100',
      },
      { a: 0.5, b: 0.5 },
    ],
    [
      'uses a metric of the servers by its name',
      {
        a: 'cpu_utilization=0.1,rps_fractional=100,named_metrics.gpu=0.75',
        b: 'cpu_utilization=0.9,rps_fractional=100,named_metrics.gpu=0.25',
      },
      { a: 0.25, b: 0.75 },
      { ...ready, metric: 'gpu' },
    ],
    [
      'counts failures as utilisation',
      {
        a: 'cpu_utilization=0.5,rps_fractional=100,eps=100',
        b: 'cpu_utilization=0.5,rps_fractional=100',
      },
      { a: 0.25, b: 0.75 },
    ],
    [
      'counts failures as the option says',
      {
        a: 'cpu_utilization=0.5,rps_fractional=100,eps=100',
        b: 'cpu_utilization=0.5,rps_fractional=100',
      },
      { a: 0.5, b: 0.5 },
      { ...ready, errorPenalty: 0 },
    ],
    [
      'gives an endpoint without reports the registry’s weight',
      {
        a: 'cpu_utilization=0.5,rps_fractional=100',
        b: 'cpu_utilization=0.5,rps_fractional=100',
        c: 'cpu_utilization=0.5,rps_fractional=200',
        d: '',
      },
      { a: 0.2, b: 0.2, c: 0.4, d: 0.2 },
    ],
    ['is like random while no endpoint reports', { a: '', b: '' }, { a: 0.5, b: 0.5 }],
    [
      'needs two endpoints that report',
      { a: 'cpu_utilization=0.1,rps_fractional=1000', b: '' },
      { a: 0.5, b: 0.5 },
    ],
    [
      'ignores a report without a rate or utilisation',
      {
        a: 'cpu_utilization=0.1',
        b: 'rps_fractional=100',
        c: 'cpu_utilization=0,rps_fractional=100',
      },
      { a: 0.35, b: 0.35, c: 0.35 },
    ],
  ])('%s', (_name, headers, expected, options) => {
    expect(shares(headers, options)).toEqual(expected)
  })

  it('corrects the registry’s weights, and keeps them for endpoints without reports', () => {
    const set = [endpoint('a', { weight: 3 }), endpoint('b')]
    expect(shares({}, ready, set)).toEqual({ a: 0.75, b: 0.25 })
    const report = 'cpu_utilization=0.5,rps_fractional=100'
    // Both have the same capacity, although the first has a larger weight.
    expect(shares({ a: report, b: report }, ready, set)).toEqual({
      a: 0.5,
      b: 0.5,
    })
  })

  it('waits for the blackout, and forgets reports older than the expiry', () => {
    const [a, b] = trio()
    const set = [a, b]
    const balancer = reportedLoad({
      blackout: 5_000,
      expiry: 20_000,
      update: 1_000,
    })
    const say = (now: number): void => {
      report(balancer, a, 'cpu_utilization=0.5,rps_fractional=100', now)
      report(balancer, b, 'cpu_utilization=0.5,rps_fractional=300', now)
    }
    const even = { a: 0.5, b: 0.5 }
    const heeded = { a: 0.25, b: 0.75 }
    say(0)
    expect(sharesOf(balancer, set, 0)).toEqual(even)
    say(4_000)
    expect(sharesOf(balancer, set, 4_900)).toEqual(even)
    // The weights have not been computed again yet.
    expect(sharesOf(balancer, set, 5_500)).toEqual(even)
    expect(sharesOf(balancer, set, 6_000)).toEqual(heeded)
    expect(sharesOf(balancer, set, 23_999)).toEqual(heeded)
    expect(sharesOf(balancer, set, 25_000)).toEqual(even)
    // The blackout also begins again.
    say(30_000)
    expect(sharesOf(balancer, set, 31_000)).toEqual(even)
    say(35_000)
    expect(sharesOf(balancer, set, 36_000)).toEqual(heeded)
  })

  it('picks of two drawn endpoints the one with fewer attempts in flight per unit of weight', () => {
    const [a, b] = trio()
    const balancer = reportedLoad(ready)
    report(balancer, a, 'cpu_utilization=0.5,rps_fractional=100', 0)
    report(balancer, b, 'cpu_utilization=0.5,rps_fractional=300', 0)
    a.inFlight = 2
    b.inFlight = 5
    expect(sharesOf(balancer, [a, b], 0)).toEqual({ a: 0, b: 1 })
    b.inFlight = 7
    expect(sharesOf(balancer, [a, b], 0)).toEqual({ a: 1, b: 0 })
  })

  describe.each<[string, string]>([
    ['almost no utilisation', 'cpu_utilization=1e-300,rps_fractional=1e300'],
    ['the largest possible capacity', 'cpu_utilization=5e-324,rps_fractional=1.7976931348623157e308'],
    ['a million requests per second', 'cpu_utilization=0.001,rps_fractional=1000000'],
    ['NaN', 'cpu_utilization=NaN,rps_fractional=NaN'],
    ['a negative utilisation', 'cpu_utilization=-1,rps_fractional=100'],
    ['infinite failures', 'cpu_utilization=0.5,rps_fractional=100,eps=Infinity'],
    ['a failure rate above the largest number', 'cpu_utilization=0.5,rps_fractional=1e-300,eps=1e300'],
    ['a million characters', `cpu_utilization=0.001,rps_fractional=1000000,${'x'.repeat(1_000_000)}=1`],
  ])('a server that reports %s', (_name, lie) => {
    it('gets four times its share at most, and the others keep theirs', () => {
      const set = endpoints(10)
      const balancer = reportedLoad(ready)
      for (const each of set) report(balancer, each, 'cpu_utilization=0.5,rps_fractional=100', 0)
      report(balancer, set[0] as FakeEndpoint, lie, 0)
      const picks = tally(balancer, set, 8_000, requests(3))
      expect(picks['a']).toBeLessThan(8_000 * (4 / 13) * 1.1)
      const others = Object.values(picks).slice(1)
      expect(Math.min(...others)).toBeGreaterThan(Math.max(...others) * 0.7)
    })
  })

  it('shows the cost that it compares, also for an endpoint that it has never seen', () => {
    const [a, b, c] = trio()
    const balancer = reportedLoad(ready)
    report(balancer, a, 'cpu_utilization=0.5,rps_fractional=100', 0)
    report(balancer, b, 'cpu_utilization=0.5,rps_fractional=300', 0)
    a.inFlight = b.inFlight = c.inFlight = 3
    const costOf = (each: FakeEndpoint): number => balancer.standing?.(each, 0)?.cost ?? Number.NaN
    expect(costOf(c)).toBe(3)
    balancer.pick([a, b], requests()())
    expect(costOf(b)).toBeCloseTo(costOf(a) / 3)
    balancer.settled?.(b, 'failure', 1, 0, 503)
    expect(costOf(b)).toBeGreaterThan(costOf(a))
  })

  it('a server that fails gets almost no requests, whatever it reports', () => {
    const set = trio()
    const [a] = set
    const balancer = reportedLoad(ready)
    for (const each of set) report(balancer, each, 'cpu_utilization=0.5,rps_fractional=100', 0)
    report(balancer, a, 'cpu_utilization=0.01,rps_fractional=100000', 0)
    for (let failure = 1; failure <= 3; failure++) balancer.settled?.(a, 'failure', 1, failure * 10, 503)
    const request = requests(5)
    expect(tally(balancer, set, 1_000, () => request({ now: 100 }))['a']).toBe(0)
    // It is tried again when the failures have faded.
    expect(tally(balancer, set, 1_000, () => request({ now: 300_000 }))['a']).toBeGreaterThan(0)
  })

  it('picks the same endpoints as a slow model that computes the weights at each pick', () => {
    const clock = new ManualClock({ seed: 11 })
    const set = endpoints(8)
    const balancer = reportedLoad({ blackout: 0, update: 0, spread: 3 })
    const said = new Map<FakeEndpoint, number>()
    for (let round = 0; round < 5; round++) {
      for (const each of set) {
        if (clock.random() < 0.3) continue
        const [rps, use, eps] = [1 + clock.random() * 500, 0.05 + clock.random(), clock.random() * 5]
        balancer.reported?.(each, { rps, cpuUtilization: use, eps }, round)
        said.set(each, rps / (use + eps / rps))
      }
      const sorted = [...said.values()].toSorted((x, y) => x - y)
      const middle = sorted[Math.floor((sorted.length - 1) / 2)] as number
      const weights = set.map((each) => {
        const own = said.get(each)
        return own === undefined ? 1 : Math.min(3, Math.max(1 / 3, own / middle))
      })
      const total = weights.reduce((sum, weight) => sum + weight)
      const count = 20_000
      const request = requests(round + 1)
      const picks = tally(balancer, set, count, () => request({ now: round }))
      for (const [index, each] of set.entries()) {
        const expected = (weights[index] as number) / total
        expect(Math.abs((picks[each.instance.id] ?? 0) / count - expected)).toBeLessThan(0.02)
      }
    }
  })

  it.each<[ReportedLoadOptions, string]>([
    [{ blackout: -1 }, 'reportedLoad.blackout must be'],
    [{ expiry: 0 }, 'reportedLoad.expiry must be'],
    [{ update: Number.NaN }, 'reportedLoad.update must be'],
    [{ errorPenalty: -1 }, 'reportedLoad.errorPenalty must be'],
    [{ spread: 0.5 }, 'reportedLoad.spread must be'],
    [{ metric: '' }, "reportedLoad.metric must be the name of a metric, got ''"],
    [{ metrics: 'gpu' } as ReportedLoadOptions, 'reportedLoad.metrics is not an option'],
    [4 as ReportedLoadOptions, 'reportedLoad must be an object'],
  ])('rejects %o', (options, message) => {
    expect(() => reportedLoad(options)).toThrow(message)
  })
})
