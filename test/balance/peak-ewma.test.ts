import { describe, expect, it } from 'vitest'
import type { Balancer } from '../../src/balance/balancer.ts'
import { peakEwma, type PeakEwmaOptions } from '../../src/balance/peak-ewma.ts'
import type { Outcome } from '../../src/observe/events.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import {
  chiLimit,
  chiSquare,
  endpoint,
  endpoints,
  requests,
  tally,
  trio,
  type FakeEndpoint,
} from './harness.ts'

/** Reports `count` attempts to the balancer. They end one millisecond apart, the last at `now`. */
function settle(
  balancer: Balancer,
  target: FakeEndpoint,
  { outcome = 'success', ms = 100, now = 0, count = 1 }: Settled = {},
): void {
  for (let left = count - 1; left >= 0; left--) balancer.settled?.(target, outcome, ms, now - left)
}

interface Settled {
  outcome?: Outcome
  ms?: number
  now?: number
  count?: number
}

/** Three endpoints, all with a known latency of 100 ms at time 0. */
function warm(options?: PeakEwmaOptions): {
  balancer: Balancer
  set: ReturnType<typeof trio>
} {
  const balancer = peakEwma(options)
  const set = trio()
  for (const one of set) settle(balancer, one, { count: 50 })
  return { balancer, set }
}

const at = (now: number, seed = 1): (() => ReturnType<ReturnType<typeof requests>>) => {
  const request = requests(seed)
  return () => request({ now })
}

it('an instance whose response bodies break off gets no more traffic than one that fails', () => {
  const { balancer, set } = warm()
  for (let now = 1; now <= 20; now++) {
    settle(balancer, set[0], { now })
    if (now % 2) balancer.amended?.(set[0], 100, now)
  }
  const request = at(21)
  let picks = 0
  for (let call = 0; call < 300; call++) if (balancer.pick(set, request()) === set[0]) picks++
  expect(picks).toBeLessThan(20)
})

describe('peakEwma', () => {
  it.each([1, 2, 3, 10])('picks evenly among %i endpoints without results', (count) => {
    const picks = tally(peakEwma(), endpoints(count), count * 300)
    expect(chiSquare(picks, () => 1 / count)).toBeLessThan(chiLimit(count))
  })

  it('prefers the faster endpoint, and of equal ones the one with fewer attempts in flight', () => {
    const { balancer, set } = warm()
    settle(balancer, set[0], { ms: 400, now: 50_000, count: 50 })
    settle(balancer, set[1], { now: 50_000 })
    settle(balancer, set[2], { now: 50_000 })
    set[2].inFlight = 1
    expect(tally(balancer, set, 300, at(50_000))).toMatchObject({ a: 0 })
    expect(tally(balancer, [set[1], set[2]], 300, at(50_000))).toEqual({
      b: 300,
      c: 0,
    })
  })

  it('counts a peak at once and forgets it with time, also without new attempts', () => {
    const { balancer, set } = warm({ decay: 10_000, repick: 1e9 })
    settle(balancer, set[0], { ms: 2_000, now: 1_000 })
    for (const other of [set[1], set[2]]) other.inFlight = 4
    expect(tally(balancer, set, 300, at(1_000))['a']).toBe(0)
    expect(tally(balancer, set, 300, at(15_000))['a']).toBe(0)
    expect(tally(balancer, set, 300, at(45_000))['a']).toBeGreaterThan(100)
  })

  it('does not react to ordinary variation', () => {
    const { balancer, set } = warm()
    settle(balancer, set[0], { ms: 300, now: 1 })
    for (const other of [set[1], set[2]]) other.inFlight = 1
    expect(tally(balancer, set, 300, at(1))['a']).toBeGreaterThan(150)
  })

  it('treats a new endpoint as average: it gets neither all requests nor none', () => {
    const { balancer, set } = warm()
    const fresh = endpoint('new')
    const picks = tally(balancer, [...set, fresh], 4_000, at(0))
    expect(chiSquare(picks, () => 1 / 4)).toBeLessThan(chiLimit(4))
    fresh.inFlight = 1
    expect(tally(balancer, [...set, fresh], 500, at(0))['new']).toBe(0)
  })

  it('detects a stalled instance before its first slow response', () => {
    const { balancer, set } = warm()
    const [stalled] = set
    stalled.inFlight = stalled.pending = 3
    for (const other of [set[1], set[2]]) other.inFlight = other.pending = 3
    stalled.age = 50
    set[1].age = set[2].age = 50
    expect(tally(balancer, set, 300, at(0))['a']).toBeGreaterThan(60)
    stalled.age = 500
    expect(tally(balancer, set, 300, at(450))['a']).toBe(0)
    // This holds even when it has the lowest load.
    stalled.inFlight = stalled.pending = 1
    expect(tally(balancer, set, 300, at(450))['a']).toBe(0)
  })

  it.each<Outcome>(['failure', 'overload'])('is not attracted by a fast %s', (outcome) => {
    const { balancer, set } = warm()
    settle(balancer, set[0], { outcome, ms: 0, now: 10 })
    for (const other of [set[1], set[2]]) other.inFlight = 5
    expect(tally(balancer, set, 300, at(10))['a']).toBe(0)
  })

  it('does not prefer an endpoint whose first result is a fast failure', () => {
    const { balancer, set } = warm()
    const broken = endpoint('new')
    settle(balancer, broken, { outcome: 'failure', ms: 0, now: 10 })
    expect(tally(balancer, [...set, broken], 300, at(10))['new']).toBe(0)
    // When the failure has faded, the endpoint counts as average, not as the fastest.
    expect(tally(balancer, [...set, broken], 2_000, at(20_000))['new']).toBeLessThan(600)
  })

  it('waits longer after each failure in a row', () => {
    const { balancer, set } = warm()
    for (const other of [set[1], set[2]]) other.inFlight = 3
    const triesAgain: number[] = []
    for (let now = 0, failures = 0; failures < 3; now += 100) {
      if (tally(balancer, set, 50, at(now))['a'] === 0) continue
      settle(balancer, set[0], { outcome: 'failure', ms: 0, now })
      triesAgain.push(now)
      failures++
    }
    const [first = 0, second = 0, third = 0] = triesAgain
    expect(first).toBe(0)
    expect(second).toBeGreaterThan(100)
    expect(third - second).toBeGreaterThan(5 * (second - first))
  })

  it('counts failures of attempts under way together as one failure', () => {
    const { balancer, set } = warm()
    for (const other of [set[1], set[2]]) other.inFlight = 3
    settle(balancer, set[0], {
      outcome: 'failure',
      ms: 80,
      now: 100,
      count: 20,
    })
    expect(tally(balancer, set, 300, at(5_000))['a']).toBeGreaterThan(100)
  })

  it('does not reduce the penalty for responses to requests sent before the failure', () => {
    const { balancer, set } = warm()
    for (const other of [set[1], set[2]]) other.inFlight = 5
    settle(balancer, set[0], { outcome: 'failure', ms: 0, now: 100 })
    settle(balancer, set[0], { ms: 60, now: 150, count: 20 })
    expect(tally(balancer, set, 300, at(150))['a']).toBe(0)
    settle(balancer, set[0], { ms: 10, now: 180, count: 5 })
    expect(tally(balancer, set, 300, at(180))['a']).toBeGreaterThan(100)
  })

  it('learns only the duration from ignored attempts', () => {
    const { balancer, set } = warm()
    settle(balancer, set[0], { outcome: 'ignored', ms: 5, now: 1, count: 100 })
    expect(chiSquare(tally(balancer, set, 3_000, at(1)), () => 1 / 3)).toBeLessThan(chiLimit(3))
    settle(balancer, set[0], { outcome: 'ignored', ms: 1_000, now: 2 })
    expect(tally(balancer, set, 300, at(2))['a']).toBe(0)
  })

  it('counts an attempt that lost to a hedge as much slower than its duration', () => {
    const { balancer, set } = warm()
    settle(balancer, set[0], { outcome: 'ignored', ms: 250, now: 1 })
    // Latency counts squared: 250 ms cost as much as six attempts in flight, one second as much as a hundred.
    for (const other of [set[1], set[2]]) other.inFlight = 50
    expect(tally(balancer, set, 300, at(1))['a']).toBe(0)
  })

  it('ignores small differences from the mean latency, but not large ones', () => {
    const close = warm()
    settle(close.balancer, close.set[0], { ms: 108, now: 60_000, count: 500 })
    settle(close.balancer, close.set[1], { ms: 92, now: 60_000, count: 500 })
    settle(close.balancer, close.set[2], { now: 60_000, count: 500 })
    const picks = tally(close.balancer, close.set, 3_000, at(60_000))
    expect(chiSquare(picks, () => 1 / 3)).toBeLessThan(chiLimit(3))
    settle(close.balancer, close.set[0], { ms: 150, now: 120_000, count: 500 })
    for (const other of [close.set[1], close.set[2]])
      settle(close.balancer, other, { now: 120_000, count: 500 })
    expect(tally(close.balancer, close.set, 300, at(120_000))['a']).toBe(0)
  })

  it.each([
    [6, 0, 3],
    [30, 0, 15],
    [6, 1, 3],
    [30, 1, 15],
  ])(
    'spreads a burst of %i evenly over two equal endpoints, after %i responses of each',
    (burst, answers, half) => {
      for (let seed = 0; seed < 50; seed++) {
        const balancer = peakEwma()
        const set = endpoints(2)
        const request = requests(seed)
        const noise = request()
        // The first responses come over new connections, so their durations say little.
        for (const one of set)
          settle(balancer, one, {
            count: answers,
            ms: 2 + 18 * noise.random(),
          })
        for (let call = 0; call < burst; call++) {
          // Sending all of them takes a while.
          for (const one of set) one.age = call / 4
          const picked = balancer.pick(set, request({ now: 100 + call / 4 })) as FakeEndpoint
          picked.inFlight = ++picked.pending
        }
        expect(set.map(({ inFlight }) => inFlight)).toEqual([half, half])
      }
    },
  )

  it('counts a fast 404 as load, not as speed, and does not reduce the penalty for it', () => {
    const { balancer, set } = warm()
    for (let call = 0; call < 5; call++) balancer.settled?.(set[0], 'success', 1, 10, 404)
    for (const other of [set[1], set[2]]) other.inFlight = 3
    expect(tally(balancer, set, 300, at(10))['a']).toBe(0)
    // It counts for the duration of a usual response.
    expect(tally(balancer, set, 300, at(400))['a']).toBeGreaterThan(100)
    balancer.settled?.(set[0], 'failure', 1, 500, 500)
    for (let call = 0; call < 5; call++) balancer.settled?.(set[0], 'success', 0, 510, 404)
    expect(tally(balancer, set, 300, at(800))['a']).toBe(0)
  })

  it('blames the client for a single 429, and the instance for four in a row', () => {
    const { balancer, set } = warm()
    for (const other of [set[1], set[2]]) other.inFlight = 3
    const refuse = (now: number): void => balancer.settled?.(set[0], 'overload', 1, now, 429)
    refuse(10)
    expect(tally(balancer, set, 300, at(500))['a']).toBeGreaterThan(100)
    for (const now of [510, 520, 530]) refuse(now)
    expect(tally(balancer, set, 300, at(800))['a']).toBe(0)
  })

  it('tries an idle endpoint once more after repick, however slow it was', () => {
    const { balancer, set } = warm({ decay: 1e9, repick: 5_000 })
    settle(balancer, set[0], { ms: 60_000, now: 0 })
    const keepBusy = (now: number): void => {
      for (const other of [set[1], set[2]]) settle(balancer, other, { now })
    }
    keepBusy(4_900)
    expect(tally(balancer, set, 300, at(4_900))['a']).toBe(0)
    keepBusy(5_100)
    expect(tally(balancer, set, 300, at(5_100))['a']).toBeGreaterThan(150)
    set[0].inFlight = 1
    expect(tally(balancer, set, 300, at(5_100))['a']).toBe(0)
  })

  it('treats weight as capacity', () => {
    const heavy = endpoint('heavy', { weight: 4 })
    const picks = tally(peakEwma(), [heavy, endpoint('light')], 2_000)
    expect(picks['heavy']).toBe(2_000)
    heavy.inFlight = 8
    expect(tally(peakEwma(), [heavy, endpoint('light')], 200)['light']).toBe(200)
  })

  it('picks an endpoint that the call has not tried, while there is one', () => {
    const { balancer, set } = warm()
    const request = requests()
    set[2].inFlight = 99
    expect(tally(balancer, set, 200, () => request({ tried: [set[0], set[1]] }))).toEqual({
      a: 0,
      b: 0,
      c: 200,
    })
  })

  it('rarely picks the one of two endpoints that fails at once for a minute (fast 503s)', async () => {
    // Least request sends it 55 of 100 calls: an endpoint that fails fast always looks idle.
    const clock = new ManualClock({ seed: 3 })
    const balancer = peakEwma()
    const set = [endpoint('good'), endpoint('bad')]
    let failures = 0
    let atBadAfterwards = 0
    const call = (): void => {
      const now = clock.now()
      const request = requests(now)({ now })
      const chosen = balancer.pick(set, request) as FakeEndpoint
      const broken = chosen.instance.id === 'bad' && now >= 3_000 && now < 60_000
      if (broken) failures++
      if (chosen.instance.id === 'bad' && now >= 75_000) atBadAfterwards++
      chosen.inFlight++
      clock.timer(broken ? 0 : 120, () => {
        chosen.inFlight--
        balancer.settled?.(chosen, broken ? 'failure' : 'success', clock.now() - now, clock.now())
      })
    }
    for (let calls = 0; calls < 4_500; calls++) {
      call()
      await clock.advance(20)
    }
    expect(failures).toBeGreaterThan(0)
    expect(failures).toBeLessThanOrEqual(4)
    // Half of the last 750 calls go there again.
    expect(Math.abs(atBadAfterwards - 375)).toBeLessThan(60)
  })

  it.each([
    [{ decay: 0 }, 'peakEwma.decay must be a number > 0, got 0'],
    [{ repick: -1 }, 'peakEwma.repick must be a number > 0, got -1'],
    [{ decay: null }, 'peakEwma.decay must be a number, got null'],
    [{ repick: null }, 'peakEwma.repick must be a number, got null'],
    [{ window: 1 }, 'peakEwma.window is not an option; known: decay, repick'],
  ])('rejects %o', (options, message) => {
    expect(() => peakEwma(options as PeakEwmaOptions)).toThrow(message)
  })
})
