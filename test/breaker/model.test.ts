import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Breaker } from '../../src/breaker/breaker.ts'
import type { Transition } from '../../src/breaker/transition.ts'
import { breakerPolicy, type BreakerOptions } from '../../src/breaker/policy.ts'
import type { Outcome } from '../../src/observe/events.ts'
import { Model, type ModelPermit } from './model.ts'
import { testClock } from './script.ts'

const small = fc.integer({ min: 1, max: 6 })
const ms = fc.integer({ min: 1, max: 2_000 })
const rate = fc.constantFrom(0.2, 0.5, 0.6, 1)

const options: fc.Arbitrary<BreakerOptions> = fc
  .record(
    {
      failureThreshold: small,
      failureRate: rate,
      slowCallRate: rate,
      window: fc.oneof(
        fc.record({ calls: fc.integer({ min: 1, max: 20 }) }),
        fc.record({ ms: fc.integer({ min: 1, max: 5_000 }) }),
      ),
      openFor: fc.oneof(
        ms,
        fc.record({ initial: ms, factor: fc.constantFrom(1, 2, 3), max: ms.map((n) => n + 2_000) }),
      ),
      successThreshold: small,
      successRate: rate,
      halfOpenProbes: small,
      probeTimeout: ms,
      maxHalfOpenWait: ms,
      rampFor: fc.integer({ min: 0, max: 5_000 }),
    },
    { requiredKeys: [] },
  )
  .map(({ openFor, ...rest }) => ({
    ...rest,
    slowCallDuration: 100,
    minimumCalls: 1 + (rest.failureThreshold ?? 0) * Number(rest.window === undefined || 'ms' in rest.window),
    ...(openFor === undefined
      ? { openFor: 500 }
      : { openFor: typeof openFor === 'number' ? openFor : { ...openFor, jitter: 0 } }),
  }))

interface End {
  outcome: Outcome
  ms: number
  retryAfter: number
}
type Step =
  | ({ do: 'call' } & End)
  | { do: 'acquire' | 'isolate' | 'reset' }
  | ({ do: 'settle'; which: number } & End)
  | { do: 'amend'; which: number }
  | { do: 'force' | 'wait'; ms: number }

const which = fc.nat({ max: 7 })
const end = {
  outcome: fc.constantFrom<Outcome>('success', 'success', 'failure', 'failure', 'overload', 'ignored'),
  ms: fc.constantFrom(0, 99, 100, 5_000),
  retryAfter: fc.constantFrom(0, 0, 0, 0, 700, 1_000_000),
}
const wait = fc.oneof(fc.integer({ min: 0, max: 300 }), ms, fc.constantFrom(500, 10_000, 3_600_000))
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof<fc.WeightedArbitrary<Step>[]>(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('call'), ...end }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('acquire') }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('settle'), which, ...end }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('amend'), which }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('wait'), ms: wait }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('force'), ms }) },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'reset' }, { do: 'isolate' }) },
  ),
  { size: 'large', maxLength: 120 },
)

/** `expect` is slow when it is called a million times. */
function same(actual: unknown, expected: unknown): void {
  if (actual !== expected) expect(actual).toBe(expected)
}

interface Call {
  readonly real: number
  readonly model: ModelPermit
  receipt: number
}

function run(given: BreakerOptions, history: readonly Step[]): Transition[] {
  const policy = breakerPolicy(given)
  const clock = testClock()
  const transitions: Transition[] = []
  // The counts are informative. The decisions must follow from the history alone.
  const breaker = new Breaker(policy, clock, ({ counts: _counts, ...transition }) =>
    transitions.push(transition),
  )
  const model = new Model(policy)
  const running: Call[] = []
  const ended: Call[] = []

  const acquire = (): Call | undefined => {
    const real = breaker.tryAcquire(clock.time)
    const permit = model.acquire(clock.time)
    same(real > 0, permit !== undefined)
    return permit && { real, model: permit, receipt: 0 }
  }
  const settle = (call: Call | undefined, { outcome, ms, retryAfter }: End): void => {
    if (!call) return
    call.receipt = breaker.settle(call.real, outcome, ms, clock.time, retryAfter)
    model.settle(call.model, outcome, ms, clock.time, retryAfter)
    ended.push(call)
  }

  for (const step of history) {
    switch (step.do) {
      case 'wait':
        clock.time += step.ms
        model.advance(clock.time)
        break
      case 'acquire': {
        const call = acquire()
        if (call) running.push(call)
        break
      }
      case 'call':
        settle(acquire(), step)
        break
      case 'settle':
        settle(running.splice(step.which % Math.max(1, running.length), 1)[0], step)
        break
      case 'amend': {
        const [call] = ended.splice(-1 - (step.which % Math.max(1, ended.length)), 1)
        if (!call) break
        breaker.amend(call.real, call.receipt, clock.time)
        model.amend(call.model, clock.time)
        break
      }
      case 'force':
        breaker.force(clock.time, step.ms, 'outlier')
        model.force(clock.time, step.ms)
        break
      case 'isolate':
        breaker.isolate()
        model.isolate()
        break
      case 'reset':
        breaker.reset()
        model.reset()
        break
    }
    const now = clock.time
    const next = breaker.nextAdmit(now)
    same(breaker.state, model.reads(now))
    same(breaker.admits(now), model.admits(now))
    same(breaker.share(now), model.share(now))
    same(next === now, model.admits(now))
    if (next > now) same(breaker.admits(Math.min(next - 1, now + 1e9)), false)
    if (next < Infinity) same(breaker.admits(next), true)
  }
  // Applies a deadline that has passed but was not noticed yet.
  breaker.tryAcquire(clock.time)
  model.acquire(clock.time)
  expect(transitions).toEqual(model.transitions)
  return transitions
}

test('behaves like the model that keeps the complete history', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(options, steps, (given, history) => {
      for (const { from, to, reason } of run(given, history)) seen.add(`${from}→${to} ${reason}`)
    }),
    { numRuns: 6_000, seed: 20_240_501 },
  )
  // The histories reach every possible transition.
  expect([...seen].toSorted()).toEqual([
    'closed→open consecutive-failures',
    'closed→open failure-rate',
    'closed→open isolated',
    'closed→open outlier',
    'closed→open slow-call-rate',
    'half-open→closed probes-succeeded',
    'half-open→closed reset',
    'half-open→open half-open-timeout',
    'half-open→open isolated',
    'half-open→open outlier',
    'half-open→open probe-failed',
    'half-open→open probes-failed',
    'open→closed reset',
    'open→half-open open-elapsed',
  ])
}, 60_000)
