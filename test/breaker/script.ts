import { expect } from 'vitest'
import { Breaker, EARLY } from '../../src/breaker/breaker.ts'
import type { Transition } from '../../src/breaker/transition.ts'
import { breakerPolicy, type BreakerOptions } from '../../src/breaker/policy.ts'
import type { Clock } from '../../src/clock.ts'
import type { Outcome } from '../../src/observe/events.ts'

const OUTCOMES: Record<string, Outcome> = {
  S: 'success',
  L: 'success',
  F: 'failure',
  O: 'overload',
  I: 'ignored',
}
/** In milliseconds: how long an `L` takes. Everything else takes no time. */
export const SLOW = 1_000

export interface TestClock extends Clock {
  time: number
}

/** Time stands still unless `time` is set. The random number is always `chance`. */
export function testClock(chance = 0): TestClock {
  const clock = { time: 0, now: () => clock.time, random: () => chance, sleep: () => Promise.resolve() }
  return clock
}

/**
 * Plays a script on a breaker and returns its transitions. The words:
 * `S` `F` `L` `O` `I` a call that is admitted and succeeds, fails, is slow, overloaded, ignored
 * (`O@500`: with a Retry-After of 500 ms) · `5F` five of them · `x` a call that is refused ·
 * `^S` `^F` an early probe that succeeds, fails · `a?` call a is admitted · `a:S` it ends · `a!` its success is amended · `+500` time passes ·
 * `=open` the state · `isolate` `reset` `force@500`.
 */
export function play(options: BreakerOptions, script: string, clock: TestClock = testClock()): Transition[] {
  const transitions: Transition[] = []
  const breaker = new Breaker(breakerPolicy({ openFor: 60_000, ...options }), clock, (transition) =>
    transitions.push(transition),
  )
  const permits = new Map<string, number>()
  const receipts = new Map<string, number>()
  const done: string[] = []

  const acquire = (word: string): number => {
    const expected = breaker.admits(clock.time)
    const permit = breaker.tryAcquire(clock.time)
    expect(permit > 0, `admits() agrees with tryAcquire() after: ${done.join(' ')}`).toBe(expected)
    expect(permit > 0, `${word} is admitted after: ${done.join(' ')}`).toBe(word !== 'x')
    return permit
  }
  const settle = (permit: number, how: string): number => {
    const [kind = '', retryAfter = '0'] = how.split('@')
    const outcome = OUTCOMES[kind]
    if (!outcome) throw new Error(`no such word: ${how}`)
    return breaker.settle(permit, outcome, kind === 'L' ? SLOW : 0, clock.time, Number(retryAfter))
  }

  for (const word of script.trim().split(/\s+/)) {
    const [name = '', argument = ''] = word.split(/[:@?!]/)
    const repeated = /^(\d+)([SFLOI])$/.exec(word)
    const early = /^(\d*)\^(\w)(@\d+)?$/.exec(word)
    if (word === 'x') acquire(word)
    else if (word === 'isolate') breaker.isolate()
    else if (word === 'reset') breaker.reset()
    else if (name === 'force') breaker.force(clock.time, Number(argument), 'outlier')
    else if (word.startsWith('+')) clock.time += Number(word.slice(1))
    else if (word.startsWith('=')) expect(breaker.state, `after: ${done.join(' ')}`).toBe(word.slice(1))
    else if (word.endsWith('?')) permits.set(name, acquire(word))
    else if (word.endsWith('!'))
      breaker.amend(permits.get(name) ?? NaN, receipts.get(name) ?? NaN, clock.time)
    else if (word.includes(':'))
      receipts.set(name, settle(permits.get(name) ?? NaN, word.split(':')[1] ?? ''))
    else if (early) {
      const [, times, kind = '', pause = ''] = early
      for (let left = Number(times) || 1; left > 0; left--) settle(EARLY, kind + pause)
    } else if (repeated) {
      for (let times = Number(repeated[1]); times > 0; times--) settle(acquire(word), repeated[2] ?? '')
    } else settle(acquire(word), word)
    done.push(word)
  }
  return transitions
}

/** `'closed→open consecutive-failures 60000'` */
export function brief(transitions: readonly Transition[]): string[] {
  return transitions.map(({ from, to, reason, openFor }) =>
    [`${from}→${to}`, reason, openFor].filter((part) => part !== undefined).join(' '),
  )
}
