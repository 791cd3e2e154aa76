import { describe, expect, it } from 'vitest'
import {
  createClient,
  fixed,
  roundRobin,
  type Client,
  type ClientOptions,
  type OutlierOptions,
} from '../../src/index.ts'
import { outlierPolicy } from '../../src/fleet/outlier-policy.ts'
import { findOutliers, type Tally } from '../../src/fleet/outliers.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { simulate } from '../../src/testing/simulate.ts'

/** calls, successes, mean ms */
type Row = [number, number, number]

function found(rows: Row[], options: OutlierOptions): number[] {
  const tallies = new Map<number, Tally>()
  rows.forEach(([calls, successes, ms], host) =>
    tallies.set(host, { calls, successes, ms: ms * successes, squares: ms * ms * successes }),
  )
  return findOutliers(tallies, outlierPolicy(options))
}

const well: Row = [100, 99, 20]

function rows(count: number, row: Row): Row[] {
  return Array.from({ length: count }, () => row)
}

describe('findOutliers returns', () => {
  it.each<[string, Row[], OutlierOptions, number[]]>([
    ['nobody, when all are alike', [well, well, well, well, well], {}, []],
    ['no host if all are equally bad', rows(5, [100, 10, 20]), {}, []],
    ['a host that fails more than the others', [...rows(9, well), [100, 60, 20]], {}, [9]],
    ['no host if there are fewer than minimumHosts', [...rows(3, well), [100, 0, 20]], {}, []],
    ['no host with fewer than minimumCalls', [...rows(9, well), [19, 0, 20]], {}, []],
    ['a host with exactly minimumCalls', [...rows(9, well), [20, 0, 20]], {}, [9]],
    [
      'no host for its success rate if that is off',
      [...rows(9, well), [100, 0, 20]],
      { successRate: false },
      [],
    ],
    [
      'a host that reaches failureShare, even without others',
      [[100, 50, 20]],
      { successRate: false, failureShare: 0.5 },
      [0],
    ],
    ['no host just below failureShare', [[100, 51, 20]], { successRate: false, failureShare: 0.5 }, []],
    ['a host slower than three times the median', [...rows(9, well), [100, 99, 61]], { latency: {} }, [9]],
    ['no host at exactly three times the median', [...rows(9, well), [100, 99, 60]], { latency: {} }, []],
    [
      'no host within the latency margin',
      [...rows(9, [100, 99, 1]), [100, 99, 9]],
      { latency: { margin: 10 } },
      [],
    ],
    ['no host for its latency by default', [...rows(9, well), [100, 99, 6_000]], {}, []],
    [
      'no host for one failure if the others have none',
      [...rows(19, [1000, 1000, 20]), [1000, 999, 20]],
      {},
      [],
    ],
    ['no host for four failures of twenty calls', [...rows(19, [20, 20, 20]), [20, 16, 20]], {}, []],
    ['a host for five failures of twenty calls', [...rows(19, [20, 20, 20]), [20, 15, 20]], {}, [19]],
    [
      'no host within the margin of the success rate',
      [...rows(19, [1000, 1000, 20]), [1000, 955, 20]],
      {},
      [],
    ],
    [
      'a host outside the margin of the success rate',
      [...rows(19, [1000, 1000, 20]), [1000, 940, 20]],
      {},
      [19],
    ],
    [
      'a host outside a smaller margin',
      [...rows(19, [1000, 1000, 20]), [1000, 955, 20]],
      { successRate: { margin: 0.02 } },
      [19],
    ],
    ['no host for a difference that may be chance', [...rows(19, [20, 10, 20]), [20, 5, 20]], {}, []],
    [
      'no host that is slow with too few successes',
      [...rows(9, well), [100, 19, 6_000]],
      { successRate: false, latency: {} },
      [],
    ],
    [
      'the worst host first',
      [...rows(8, well), [100, 50, 20], [100, 40, 20]],
      { successRate: { deviations: 1 } },
      [9, 8],
    ],
  ])('%s', (_name, rows, options, expected) => {
    expect(found(rows, options)).toEqual(expected)
  })
})

it('findOutliers ignores one slow response among fast ones, and returns a host with many', () => {
  const slowAt = (count: number): Tally => {
    const fast = 20 - count
    return { calls: 20, successes: 20, ms: fast * 20 + count * 2_000, squares: fast * 400 + count * 4e6 }
  }
  const others = Array.from({ length: 9 }, (): Tally => slowAt(0))
  const withOne = (odd: Tally): Map<number, Tally> => new Map([...others, odd].entries())
  const policy = outlierPolicy({ latency: {} })
  expect(findOutliers(withOne(slowAt(1)), policy)).toEqual([])
  expect(findOutliers(withOne(slowAt(2)), policy)).toEqual([])
  expect(findOutliers(withOne(slowAt(10)), policy)).toEqual([9])
})

it.each([
  [20, 300, 0.001],
  [20, 200, 0.01],
  [10, 100, 0.001],
  [5, 50, 0.02],
])('ejects none of %i equal hosts, at %i calls a second of which %f fail', async (hosts, rate, share) => {
  for (const outliers of [{}, { successRate: false, latency: {} } as const]) {
    const report = await simulate({
      duration: 60_000,
      client: () => ({ outliers, balance: roundRobin(), breaker: { failureThreshold: Infinity } }),
      servers: Array.from({ length: hosts }, (_, index) => ({
        id: `h${index}`,
        respond: ({ random }) => ({ after: 20 + 10 * random(), status: random() < share ? 500 : 200 }),
      })),
      arrivals: { rate },
    })
    expect(report.events.filter(({ name }) => name === 'breaker:open')).toEqual([])
  }
})

const ids = Array.from({ length: 10 }, (_, i) => `i${i}`)

function simulated(
  outliers: OutlierOptions,
  options: Partial<ClientOptions> = {},
): { users: Client; clock: ManualClock } {
  const clock = new ManualClock()
  let next = 0
  const users = createClient({
    service: 'svc',
    source: fixed(ids.map((id, i) => ({ id, url: `http://h${i}.invalid` }))),
    clock,
    retry: false,
    breaker: { failureThreshold: 1_000, successThreshold: 1, rampFor: 0, openFor: 100 },
    balance: (endpoints) => endpoints[next++ % endpoints.length],
    outliers,
    ...options,
  })
  return { users, clock }
}

/** Traffic for `ms`: `bad` fail every other call. */
async function traffic(users: Client, clock: ManualClock, ms: number, bad: readonly string[]): Promise<void> {
  const calls = new Map<string, number>()
  for (let at = 0; at < ms; at += 10) {
    await users
      .execute(({ id }) => {
        const call = (calls.get(id) ?? 0) + 1
        calls.set(id, call)
        if (bad.includes(id) && call % 2 === 0) throw new Error('bad')
      })
      .catch(() => {})
    await clock.advance(10)
  }
}

const open = (users: Client): string[] =>
  users
    .snapshot()
    .instances.filter(({ breaker }) => breaker === 'open')
    .map(({ instance }) => instance.id)

describe('an outlier', () => {
  it('is ejected by opening its breaker, with an event', async () => {
    const { users, clock } = simulated({ interval: 5_000, ejectFor: 7_000 })
    const events: unknown[] = []
    users.on('breaker:open', ({ instance, reason, openFor }) => events.push([instance.id, reason, openFor]))
    await traffic(users, clock, 5_100, ['i3'])
    expect(open(users)).toEqual(['i3'])
    expect(events).toEqual([['i3', 'outlier', 7_000]])
  })

  it('is ejected for longer each time, and for less after clean intervals', async () => {
    const { users, clock } = simulated({ interval: 5_000, ejectFor: 1_000, maxEjectFor: 2_500 })
    const times: unknown[] = []
    users.on('breaker:open', ({ openFor }) => times.push(openFor))
    await traffic(users, clock, 30_000, ['i3'])
    expect(times.slice(0, 4)).toEqual([1_000, 2_000, 2_500, 2_500])
    await traffic(users, clock, 30_000, [])
    times.length = 0
    await traffic(users, clock, 6_000, ['i3'])
    expect(times).toEqual([1_000])
  })

  it('is not ejected if maxEjected are out already, but one may always be', async () => {
    const three = ['i1', 'i2', 'i3']
    const few = simulated({ interval: 5_000, maxEjected: 0.01, failureShare: 0.4, successRate: false })
    await traffic(few.users, few.clock, 5_100, three)
    expect(open(few.users)).toHaveLength(1)
    const more = simulated({ interval: 5_000, maxEjected: 0.25, failureShare: 0.4, successRate: false })
    await traffic(more.users, more.clock, 5_100, three)
    expect(open(more.users)).toHaveLength(2)
    const all = simulated({ interval: 5_000, maxEjected: 1, failureShare: 0.4, successRate: false })
    await traffic(all.users, all.clock, 5_100, three)
    expect(open(all.users)).toEqual(three)
  })

  it('is not ejected if enough breakers are open for other reasons', async () => {
    const { users, clock } = simulated(
      { interval: 5_000, maxEjected: 0.1, failureShare: 0.4, successRate: false },
      { breaker: { failureThreshold: 1, openFor: 60_000 } },
    )
    await traffic(users, clock, 5_100, ['i3'])
    expect(open(users)).toEqual(['i3'])
    expect(users.snapshot().instances.filter(({ breaker }) => breaker !== 'closed')).toHaveLength(1)
  })
})

it.each<[object, RegExp]>([
  [{ outliers: { minimumHosts: 1 } }, /outliers\.minimumHosts must be an integer >= 2, got 1/],
  [{ outliers: { maxEjected: 2 } }, /outliers\.maxEjected must be a number >= 0 and <= 1, got 2/],
  [{ outliers: { latency: { factor: 0.5 } } }, /outliers\.latency\.factor must be a number >= 1, got 0\.5/],
  [{ outliers: { ejectFor: 10, maxEjectFor: 5 } }, /outliers\.maxEjectFor must be a number >= 10, got 5/],
  [{ outliers: { deviation: 1 } }, /outliers\.deviation is not an option/],
  [{ outliers: {}, breaker: false }, /outliers cannot be used with breaker: false/],
])('%j is refused', (options, message) => {
  expect(() => createClient({ service: 'svc', source: fixed([]), ...options })).toThrow(message)
})
