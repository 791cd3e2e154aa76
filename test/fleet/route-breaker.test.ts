import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/observe/events.ts'
import { classifiedVerdict } from '../../src/verdict/answer.ts'
import { VERDICTS, type Verdict } from '../../src/verdict/verdict.ts'
import { Harness } from './harness.ts'

const options = { failureThreshold: 1, openFor: 1000, successThreshold: 1 }

const unanswered: Record<Outcome, Verdict> = {
  success: VERDICTS.good,
  failure: VERDICTS.silent,
  overload: VERDICTS.busy,
  ignored: VERDICTS.abandoned,
}

/** Settles an attempt of the route and tells both breakers' states, the instance's first. */
function settle(
  harness: Harness,
  outcome: Outcome,
  how: { status?: number; connection?: boolean },
): unknown[] {
  const attempt = harness.acquire(harness.guards[1])
  if (!attempt) throw new Error('no attempt')
  attempt.status = how.status
  attempt.settle(
    how.connection ? VERDICTS.broken : how.status ? classifiedVerdict(outcome) : unanswered[outcome],
    1,
  )
  attempt.release()
  return [0, 1].map((index) => harness.fleet.endpoints[0]?.breakerAt(index)?.state)
}

describe('with a breaker of the route', () => {
  it.each<[string, Outcome, { status?: number; connection?: boolean }, [string, string]]>([
    ['a good response changes nothing', 'success', { status: 200 }, ['closed', 'closed']],
    ['a bad response opens the route’s breaker', 'failure', { status: 500 }, ['closed', 'open']],
    ['a broken connection opens the instance’s breaker', 'failure', { connection: true }, ['open', 'closed']],
    ['a timeout opens the route’s breaker', 'failure', {}, ['closed', 'open']],
    ['an abort changes nothing', 'ignored', {}, ['closed', 'closed']],
  ])('%s', (_name, outcome, how, states) => {
    const harness = new Harness({ breaker: options, route: options })
    harness.apply('a')
    expect(settle(harness, outcome, how)).toEqual(states)
  })

  it.each<[string, Outcome, { status?: number; connection?: boolean }, string]>([
    ['a good response closes it', 'success', { status: 200 }, 'closed'],
    ['a bad response closes it too, because the connection works', 'failure', { status: 500 }, 'closed'],
    ['a broken connection opens it again', 'failure', { connection: true }, 'open'],
    ['a timeout leaves it half-open', 'failure', {}, 'half-open'],
    ['an abort leaves it half-open', 'ignored', {}, 'half-open'],
  ])('a probe of the instance’s half-open breaker: %s', async (_name, outcome, how, state) => {
    const harness = new Harness({ breaker: options, route: { failureThreshold: 5 } })
    harness.apply('a')
    harness.run('failure')
    await harness.clock.advance(1000)
    expect(settle(harness, outcome, how)[0]).toBe(state)
  })

  it('a broken connection of one route blocks all routes', () => {
    const harness = new Harness({ breaker: options, route: options })
    harness.apply('a')
    settle(harness, 'failure', { connection: true })
    expect(harness.acquire(harness.guards[0])).toBeUndefined()
    expect(harness.acquire(harness.guards[1])).toBeUndefined()
  })

  it('the breakers are removed with the instance', () => {
    const harness = new Harness({ breaker: options, route: options })
    harness.apply('a')
    settle(harness, 'failure', { status: 500 })
    harness.apply()
    harness.apply('a')
    expect(harness.fleet.endpoints[0]?.breakerAt(0)).toBeUndefined()
    expect(harness.fleet.endpoints[0]?.breakerAt(1)).toBeUndefined()
    expect(harness.acquire(harness.guards[1])).toBeDefined()
  })
})
