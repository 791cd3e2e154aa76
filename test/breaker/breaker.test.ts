import { describe, expect, test } from 'vitest'
import { Breaker } from '../../src/breaker/breaker.ts'
import { breakerPolicy, type BreakerOptions } from '../../src/breaker/policy.ts'
import { brief, play, SLOW, testClock } from './script.ts'

const SEED: BreakerOptions = { failureThreshold: 3, openFor: 5_000, successThreshold: 3 }

describe('state × input → state', () => {
  const INTO = {
    closed: '',
    open: '3F',
    'half-open': '3F +5000 p?',
    isolated: 'isolate',
  }
  test.each<[keyof typeof INTO, string, string]>([
    ['closed', 'S', 'closed'],
    ['closed', '2F', 'closed'],
    ['closed', '3F', 'open'],
    ['closed', '9O', 'closed'],
    ['closed', '9I', 'closed'],
    ['closed', '+9999999', 'closed'],
    ['closed', 'isolate', 'open'],
    ['closed', 'force@10', 'open'],
    ['closed', 'reset', 'closed'],
    ['open', 'x', 'open'],
    ['open', '+4999 x', 'open'],
    ['open', '+5000', 'half-open'],
    ['open', '+5000 p?', 'half-open'],
    ['open', 'force@9000 +8999 x', 'open'],
    ['open', 'force@9000 +9000', 'half-open'],
    ['open', 'force@1 +4999 x', 'open'],
    ['open', 'isolate +9999999 x', 'open'],
    ['open', 'reset', 'closed'],
    ['half-open', 'x', 'half-open'],
    ['half-open', 'p:S', 'half-open'],
    ['half-open', 'p:S 2S', 'closed'],
    ['half-open', 'p:F', 'open'],
    ['half-open', 'p:S S F', 'open'],
    ['half-open', 'p:O 9O', 'half-open'],
    ['half-open', 'p:I 9I', 'half-open'],
    ['half-open', '+9999999', 'half-open'],
    ['half-open', 'isolate', 'open'],
    ['half-open', 'force@10 x', 'open'],
    ['half-open', 'reset', 'closed'],
    ['closed', '2F 3^S F', 'open'],
    ['open', '2^S ^F 2^S x', 'open'],
    ['open', '2^S ^F 3^S', 'closed'],
    ['open', '2^S ^I ^S', 'closed'],
    ['open', '2^S ^O 2^S', 'open'],
    ['open', '^O@9000 2^S +8999 x', 'open'],
    ['open', '^O@9000 3^S', 'closed'],
    ['open', '2^S +5000 p? ^S x', 'half-open'],
    ['half-open', '9^F', 'half-open'],
    ['half-open', '2^S p:F 2^S', 'open'],
    ['half-open', '3^S', 'closed'],
    ['isolated', '9^S', 'open'],
    ['isolated', '+9999999 x', 'open'],
    ['isolated', 'force@10 +10 x', 'open'],
    ['isolated', 'isolate x', 'open'],
    ['isolated', 'reset S', 'closed'],
  ])('%s, %s → %s', (state, inputs, expected) => {
    expect(() => play(SEED, `${INTO[state]} ${inputs} =${expected}`)).not.toThrow()
  })
})

describe('transitions are published in order and with their reason', () => {
  test.each<[string, BreakerOptions, string, string[]]>([
    [
      'a complete cycle',
      SEED,
      '2F S 2F =closed F =open x +5000 2S =half-open S =closed',
      [
        'closed→open consecutive-failures 5000',
        'open→half-open open-elapsed',
        'half-open→closed probes-succeeded',
      ],
    ],
    [
      'a failure in half-open, also after successes',
      SEED,
      '3F +5000 2S F x +5000 3S =closed',
      [
        'closed→open consecutive-failures 5000',
        'open→half-open open-elapsed',
        'half-open→open probe-failed 5000',
        'open→half-open open-elapsed',
        'half-open→closed probes-succeeded',
      ],
    ],
    ['five failures do not trip "more than five"', { failureThreshold: 6 }, '5F =closed', []],
    ['a success zeroes the streak', { failureThreshold: 6 }, '5F S 5F =closed', []],
    ['the sixth does', { failureThreshold: 6 }, '5F S 6F', ['closed→open consecutive-failures 60000']],
    [
      'overload and ignored neither extend nor end the streak',
      SEED,
      '2F O I =closed F =open',
      [expect.any(String)],
    ],
    [
      'F F F S, then S: half of five failed, on a success',
      { failureRate: 0.5, minimumCalls: 5, window: { calls: 5 } },
      '3F S =closed S =open x',
      ['closed→open failure-rate 60000'],
    ],
    [
      'late results of calls in flight do not open it twice',
      { failureRate: 0.5, minimumCalls: 5, window: { calls: 5 } },
      'a? b? c? 3F S S =open a:F b:F c:S =open',
      ['closed→open failure-rate 60000'],
    ],
    ['no rate below minimumCalls', { failureRate: 0.1, minimumCalls: 10 }, '9F =closed', []],
    [
      'a rate at minimumCalls',
      { failureRate: 1, minimumCalls: 10 },
      '10F',
      ['closed→open failure-rate 60000'],
    ],
    ['a rate just below', { failureRate: 0.5, window: { calls: 10 } }, '5S 4F S =closed', []],
    [
      'a count window forgets the oldest call',
      { failureRate: 0.5, window: { calls: 4 } },
      'F 3S F 3S F 2S =closed F',
      ['closed→open failure-rate 60000'],
    ],
    [
      '60 % slow, without a failure',
      { slowCallRate: 0.6, slowCallDuration: SLOW, minimumCalls: 5, window: { calls: 5 } },
      '3L S =closed S =open',
      ['closed→open slow-call-rate 60000'],
    ],
    [
      'one millisecond below the limit is not slow',
      { slowCallRate: 0.1, slowCallDuration: SLOW + 1, minimumCalls: 1 },
      '9L =closed',
      [],
    ],
    [
      'failureThreshold and failureRate together: the first one opens it',
      { failureThreshold: 3, failureRate: 0.5, window: { calls: 100 }, minimumCalls: 100 },
      '9S 3F',
      ['closed→open consecutive-failures 60000'],
    ],
    [
      'failureRate alone tolerates a streak',
      { failureRate: 0.5, window: { calls: 100 } },
      '15S 5F =closed',
      [],
    ],
    [
      'the window starts empty after closing',
      { failureRate: 0.5, window: { calls: 4 }, openFor: 10, successThreshold: 1 },
      '4F +10 S =closed 3F =closed F =open',
      [
        'closed→open failure-rate 10',
        'open→half-open open-elapsed',
        'half-open→closed probes-succeeded',
        'closed→open failure-rate 10',
      ],
    ],
    [
      'a time window contains what is younger than its length',
      { failureRate: 0.5, window: { ms: 1_000 }, minimumCalls: 4 },
      '2F +900 S =closed S =open',
      ['closed→open failure-rate 60000'],
    ],
    [
      'a time window contains nothing older',
      { failureRate: 0.5, window: { ms: 1_000 }, minimumCalls: 4 },
      '3F +1000 2F =closed S =closed +99 F =open',
      ['closed→open failure-rate 60000'],
    ],
    [
      'one failure after an idle hour (cockatiel 4 opens)',
      { failureRate: 0.5, window: { ms: 30_000 }, minimumCalls: 5 },
      '10S 9F +3600000 F =closed +3600000 3F S =closed',
      [],
    ],
    [
      'outlier ejection',
      SEED,
      'force@700 x +699 x +1 S',
      ['closed→open outlier 700', 'open→half-open open-elapsed'],
    ],
    [
      'isolated ignores time; reset closes it',
      SEED,
      '2F isolate +99999999 x =open reset 2F =closed',
      ['closed→open isolated Infinity', 'open→closed reset'],
    ],
    ['reset of a closed breaker zeroes the streak, silently', SEED, '2F reset 2F =closed', []],
    ['a call from before a reset is not counted', SEED, 'a? 2F reset 2F a:F =closed', []],
  ])('%s', (_name, options, script, expected) => {
    expect(brief(play(options, script))).toEqual(expected)
  })
})

describe('half-open', () => {
  const OPEN = '5F +60000'
  const RATED: BreakerOptions = { halfOpenProbes: 4, successRate: 0.5 }
  const SLOW_RATED: BreakerOptions = { ...RATED, slowCallRate: 0.5, slowCallDuration: SLOW }
  test.each<[string, BreakerOptions, string]>([
    ['admits one probe at a time', {}, `${OPEN} a? x a:S b? x b:S c? x c:S =closed`],
    ['admits N at a time', { halfOpenProbes: 3 }, `${OPEN} a? b? c? x x`],
    [
      'with 3 probes and one in flight, the fourth is refused',
      { halfOpenProbes: 3 },
      `${OPEN} S S c? x =half-open c:S =closed`,
    ],
    [
      'an ignored probe uses no slot and does not close it',
      { successThreshold: 1 },
      `${OPEN} 9I a? x a:I =half-open S =closed`,
    ],
    ['a 429 neither closes nor opens', { successThreshold: 1 }, `${OPEN} 9O =half-open S =closed`],
    [
      'a 429 with Retry-After delays the next probe',
      {},
      `${OPEN} S O@500 x +499 x +1 =half-open S S =closed`,
    ],
    ['a Retry-After ends at ten minutes', {}, `${OPEN} O@99999999 +599999 x +1 3S =closed`],
    [
      'a Retry-After is limited by openFor.max if that is larger',
      { openFor: { initial: 60_000, max: 700_000 } },
      `${OPEN} O@99999999 +699999 x +1 S`,
    ],
    ['over 4 probes, F F S F opens', RATED, `${OPEN} F F S =half-open F =open`],
    ['over 4 probes, F S S closes', RATED, `${OPEN} F S =half-open S =closed`],
    ['over 4 probes, L L L opens', SLOW_RATED, `${OPEN} L L =half-open L =open`],
    [
      'nine of ten successes and one probe that hangs close it',
      { halfOpenProbes: 10, successRate: 0.9 },
      `${OPEN} a? 8S =half-open S =closed`,
    ],
    [
      'two of ten failures and one probe that hangs open it',
      { halfOpenProbes: 10, successRate: 0.9 },
      `${OPEN} a? 7S F =half-open F =open`,
    ],
    [
      'without a rate, a slow probe is not a success either',
      { slowCallRate: 0.5, slowCallDuration: SLOW },
      `${OPEN} L =open`,
    ],
    ['slow does not matter where it was not asked', { slowCallDuration: SLOW }, `${OPEN} 3L =closed`],
    [
      'a round by rate may be larger than the number of probes in flight',
      { successThreshold: 4, successRate: 0.75 },
      `${OPEN} F S S =half-open S =closed`,
    ],
    ['a hung probe does not block recovery', {}, `${OPEN} a? +29999 x +1 b? x b:S S S =closed`],
    [
      'the late result of a probe that hung changes nothing',
      { successThreshold: 1 },
      `${OPEN} a? +30000 a:S =half-open b? a:F =half-open b:S =closed`,
    ],
    ['nor does its Retry-After', {}, `${OPEN} a? +30000 a:O@5000 =half-open S`],
    [
      'only the probe that hangs loses its slot',
      { halfOpenProbes: 2 },
      `${OPEN} a? +10 b? x +29990 c? x b:S a:F c:S =half-open`,
    ],
    [
      'a settled probe is not settled twice',
      { successThreshold: 2 },
      `${OPEN} a? a:S a:S =half-open a:F =half-open S =closed`,
    ],
    [
      'no result for too long opens it again',
      { maxHalfOpenWait: 500 },
      `${OPEN} a? +499 =half-open x +1 =open x a:S =open x`,
    ],
    [
      'it becomes half-open again by itself',
      { maxHalfOpenWait: 500, openFor: 1_000 },
      '5F +1000 a? +1499 x +1 =half-open a:F =half-open S',
    ],
    [
      'any result extends the wait',
      { maxHalfOpenWait: 500 },
      `${OPEN} S +400 S +400 =half-open O +400 =half-open S =closed`,
    ],
    ['an ignored one does not', { maxHalfOpenWait: 500 }, `${OPEN} S +400 I +100 =open`],
    [
      'a late success from before the opening does not close it',
      { successThreshold: 1 },
      `late? ${OPEN} a? late:S =half-open x a:S =closed`,
    ],
    ['a late failure from before the trip does not open', {}, `late? ${OPEN} S late:F =half-open`],
    [
      'a probe of an earlier round changes nothing',
      { halfOpenProbes: 2, openFor: 10 },
      '5F +10 a? b? b:F =open +10 c? a:S a:F =half-open c:S S S =closed',
    ],
  ])('%s', (_name, options, script) => {
    expect(() => play(options, script)).not.toThrow()
  })

  test('no result for too long causes one event, whenever it is noticed', () => {
    const transitions = play({ maxHalfOpenWait: 500, openFor: 1_000 }, '5F +1000 a? +5000 S')
    expect(brief(transitions).slice(1)).toEqual([
      'open→half-open open-elapsed',
      'half-open→open half-open-timeout 1000',
      'open→half-open open-elapsed',
    ])
  })

  test('of a hundred concurrent calls only the probes are admitted, and closing admits no others', () => {
    const clock = testClock()
    const breaker = new Breaker(breakerPolicy({ halfOpenProbes: 2, successThreshold: 2 }), clock, () => {})
    breaker.force(0, 10, 'outlier')
    clock.time = 10
    const permits = Array.from({ length: 100 }, () => breaker.tryAcquire(10)).filter((permit) => permit > 0)
    expect(permits).toHaveLength(2)
    for (const permit of permits) breaker.settle(permit, 'success', 1, 11)
    expect(breaker.state).toBe('closed')
  })
})

describe('open time', () => {
  const openings = (options: BreakerOptions, script: string, chance = 0): (number | undefined)[] =>
    play({ successThreshold: 1, failureThreshold: 1, ...options }, script, testClock(chance))
      .filter(({ to }) => to === 'open')
      .map(({ openFor }) => openFor)
  const GROWING = { initial: 10_000, factor: 2, max: 30_000, jitter: 0 }

  test.each<[string, BreakerOptions, string, number[], number?]>([
    ['a number stays the same', { openFor: 7 }, 'F +7 F +7 F', [7, 7, 7], 0.9],
    [
      '10, 20, 30 s, and after two healthy intervals 20 s',
      { openFor: GROWING },
      'F +10000 F +20000 F +30000 S +20000 F',
      [10_000, 20_000, 30_000, 20_000],
    ],
    [
      'health of less than one interval forgets nothing',
      { openFor: GROWING },
      'F +10000 S +9999 F',
      [10_000, 20_000],
    ],
    [
      'one interval forgets one step',
      { openFor: GROWING },
      'F +10000 F +20000 S +10000 F',
      [10_000, 20_000, 20_000],
    ],
    [
      'openings at the maximum do not add up',
      { openFor: GROWING },
      'F +10000 F +20000 F +30000 F +30000 F +30000 S +30000 F',
      [10_000, 20_000, 30_000, 30_000, 30_000, 10_000],
    ],
    [
      'ten times the initial time is the default maximum',
      { openFor: { initial: 1, factor: 100 } },
      'F +1 F +10',
      [1, 10],
    ],
    [
      'jitter shortens the time by up to its fraction',
      { openFor: { ...GROWING, jitter: 0.5 } },
      'F +10000 F',
      [7_500, 15_000],
      0.5,
    ],
    ['jitter is on by default', { openFor: { initial: 1_000 } }, 'F', [900], 0.5],
    ['Retry-After lengthens it', { openFor: 1_000 }, 'F@5000 +4999 x +1 F', [5_000, 1_000]],
    ['Retry-After does not shorten it', { openFor: 1_000 }, 'F@5 +999 x +1 F', [1_000, 1_000]],
    [
      'the Retry-After of an overload is kept when failures follow',
      { openFor: 1_000 },
      'O@5000 +100 F',
      [4_900],
    ],
    ['the Retry-After of a success is ignored', { openFor: 1_000 }, 'S@5000 F', [1_000]],
    ['reset forgets growth and Retry-After', { openFor: GROWING }, 'F@99000 reset F', [99_000, 10_000]],
    [
      'an ejection after long health starts from the first step again',
      { openFor: GROWING },
      'F +10000 F +20000 S +999999 force@1 +1 F',
      [10_000, 20_000, 1, 10_000],
    ],
  ])('%s', (_name, options, script, expected, chance) => {
    expect(openings(options, script, chance)).toEqual(expected)
  })
})

test('each opening draws a new random number for jitter', () => {
  const draws = [0.1, 0.5, 0.9]
  const clock = { ...testClock(), random: () => draws.shift() ?? 0 }
  const policy = breakerPolicy({ failureThreshold: 1, openFor: { initial: 1_000, factor: 1, jitter: 1 } })
  const openFor: (number | undefined)[] = []
  const breaker = new Breaker(policy, clock, (transition) => openFor.push(transition.openFor))
  for (let i = 0; i < 3; i++) {
    breaker.settle(breaker.tryAcquire(0), 'failure', 0, 0)
    breaker.reset()
  }
  expect(openFor.filter((ms) => ms !== undefined)).toEqual([900, 500, expect.closeTo(100)])
})

describe('amend: a success that failed later', () => {
  test.each<[string, BreakerOptions, string]>([
    ['counts as the failure it is', { failureThreshold: 3 }, '2F a? a:S a! =open'],
    ['joins the failures before and after it', { failureThreshold: 5 }, '2F a? a:S 2F =closed a! =open'],
    ['but not across another success', { failureThreshold: 3 }, '2F a? a:S S F a! =closed F =closed F =open'],
    [
      'bodies cut short one after the other open it',
      { failureThreshold: 3 },
      'a? a:S a! b? b:S b! =closed c? c:S c! =open',
    ],
    [
      'a result that was no success is not amended',
      { failureThreshold: 2 },
      'a? a:F a! =closed b? b:I b! c? c:O c! =closed',
    ],
    [
      'is judged by rate, with the same total',
      { failureRate: 0.5, window: { calls: 4 } },
      'F a? a:S 2S =closed a! =open',
    ],
    ['not once it has left the window', { failureRate: 0.5, window: { calls: 4 } }, 'a? a:S F 3S a! =closed'],
    [
      'leaves the window as a failure',
      { failureRate: 0.5, window: { calls: 4 } },
      '3S a? a:S a! 3S =closed S F =closed F =open',
    ],
    [
      'counts in the bucket of the success',
      { failureRate: 0.5, window: { ms: 1_000 }, minimumCalls: 2 },
      'a? a:S +500 2S a! =closed +500 F =closed',
    ],
    ['in a probe opens again', {}, '5F +60000 a? a:S =half-open a! =open'],
    [
      'counts in a round by rate',
      { halfOpenProbes: 2, successThreshold: 2, successRate: 1 },
      '5F +60000 a? a:S =half-open a! =open',
    ],
    [
      'from before a transition changes nothing',
      { failureThreshold: 1 },
      'a? a:S F +60000 a! =half-open 3S =closed a! =closed',
    ],
  ])('%s', (_name, options, script) => {
    expect(() => play(options, script)).not.toThrow()
  })
})

describe('a dry run', () => {
  const options: BreakerOptions = { ...SEED, dryRun: true }

  test('goes through every state, refuses nothing and reports it', () => {
    const clock = testClock()
    const transitions = play(
      options,
      '3F =open 9F +5000 a? b? b:F =half-open a:S 2S =closed isolate S',
      clock,
    )
    expect(transitions.every((transition) => transition.dryRun)).toBe(true)
    expect(brief(transitions)).toEqual([
      'closed→open consecutive-failures 5000',
      'open→half-open open-elapsed',
      'half-open→closed probes-succeeded',
      'closed→open isolated Infinity',
    ])
  })

  test('does not affect selection', () => {
    const breaker = new Breaker(breakerPolicy(options), testClock(), () => {})
    breaker.isolate()
    expect(breaker.admits(0)).toBe(true)
    expect(breaker.nextAdmit(7)).toBe(7)
    breaker.reset()
    breaker.force(0, 1, 'outlier')
    for (let i = 0; i < 3; i++) breaker.settle(breaker.tryAcquire(1), 'success', 0, 1)
    expect(breaker.state).toBe('closed')
    expect(breaker.share(1)).toBe(1)
  })

  test('without it, a breaker does not report it', () => {
    expect(play(SEED, '3F')[0]).not.toHaveProperty('dryRun')
  })
})

describe('nextAdmit', () => {
  const at = (options: BreakerOptions, drive: (breaker: Breaker) => void): Breaker => {
    const breaker = new Breaker(breakerPolicy({ openFor: 100, ...options }), testClock(), () => {})
    drive(breaker)
    return breaker
  }
  const open = (breaker: Breaker): void => breaker.force(0, 100, 'outlier')
  const probing = (breaker: Breaker): void => {
    open(breaker)
    breaker.tryAcquire(100)
  }
  test.each<[string, BreakerOptions, (breaker: Breaker) => void, number, number]>([
    ['closed: now', {}, () => {}, 40, 40],
    ['open: the end of the open time', {}, open, 40, 100],
    ['elapsed: now', {}, open, 140, 140],
    ['isolated: never', {}, (breaker) => breaker.isolate(), 40, Infinity],
    ['half-open without a free slot: when the probe times out', { probeTimeout: 50 }, probing, 110, 150],
    ['half-open with a free slot: now', { halfOpenProbes: 2 }, probing, 110, 110],
    [
      'half-open with a deadline: when it is half-open the next time',
      { maxHalfOpenWait: 20 },
      probing,
      110,
      220,
    ],
    ['after the deadline', { maxHalfOpenWait: 20 }, probing, 250, 250],
  ])('%s', (_name, options, drive, now, expected) => {
    expect(at(options, drive).nextAdmit(now)).toBe(expected)
  })
})

describe('share', () => {
  const closedAt0 = (options: BreakerOptions): Breaker => {
    const breaker = new Breaker(breakerPolicy({ successThreshold: 1, ...options }), testClock(), () => {})
    breaker.force(-10, 10, 'outlier')
    breaker.settle(breaker.tryAcquire(0), 'success', 1, 0)
    expect(breaker.state).toBe('closed')
    return breaker
  }

  test.each([
    [0, 0.1],
    [100, 0.1],
    [500, 0.5],
    [1_000, 1],
    [9_000, 1],
  ])('%d ms after closing is %d', (now, share) => {
    expect(closedAt0({ rampFor: 1_000 }).share(now)).toBe(share)
  })

  test('is 1 without a ramp, before the first opening and after a reset', () => {
    expect(closedAt0({ rampFor: 0 }).share(0)).toBe(1)
    expect(new Breaker(breakerPolicy({}), testClock(), () => {}).share(0)).toBe(1)
    const breaker = closedAt0({})
    breaker.reset()
    expect(breaker.share(0)).toBe(1)
  })
})

test('the state is changed before listeners are called', () => {
  const seen: string[] = []
  const policy = breakerPolicy({ failureThreshold: 1, openFor: 10, successThreshold: 1 })
  const clock = testClock()
  const breaker = new Breaker(policy, clock, ({ to }, self) => {
    seen.push(`${to} ${self.state} ${self.tryAcquire(clock.time) > 0}`)
  })
  breaker.settle(breaker.tryAcquire(0), 'failure', 0, 0)
  clock.time = 10
  breaker.settle(breaker.tryAcquire(10), 'success', 0, 10)
  expect(seen).toEqual(['open open false', 'half-open half-open false', 'closed closed true'])
})

test('a listener may reset or isolate', () => {
  const clock = testClock()
  const policy = breakerPolicy({ failureThreshold: 1, maxHalfOpenWait: 10, openFor: 10 })
  const breaker = new Breaker(policy, clock, ({ reason }, self) => {
    if (reason === 'half-open-timeout') self.reset()
  })
  breaker.settle(breaker.tryAcquire(0), 'failure', 0, 0)
  const probe = breaker.tryAcquire(10)
  clock.time = 99
  breaker.settle(probe, 'failure', 0, 99)
  expect(breaker.state).toBe('closed')
})

test('breakers with one policy share no state', () => {
  const policy = breakerPolicy({ failureRate: 0.5, window: { calls: 2 } })
  const a = new Breaker(policy, testClock(), () => {})
  const b = new Breaker(policy, testClock(), () => {})
  for (let i = 0; i < 2; i++) a.settle(a.tryAcquire(0), 'failure', 0, 0)
  expect([a.state, b.state]).toEqual(['open', 'closed'])
})
