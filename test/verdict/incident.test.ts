import { array, assert, asyncProperty, integer, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VERDICTS, type Verdict } from '../../src/verdict/verdict.ts'
import { Harness } from '../fleet/harness.ts'

const guardless = { failureThreshold: 3, openFor: 1_000 }

function three(verdict: Verdict): string | undefined {
  const harness = new Harness({ breaker: guardless })
  harness.apply('a')
  const attempts = [1, 2, 3].map(() => harness.acquire())
  return run(harness, attempts, verdict)
}

function run(
  harness: Harness,
  attempts: readonly ReturnType<Harness['acquire']>[],
  verdict: Verdict,
): string | undefined {
  for (const attempt of attempts) {
    attempt?.settle(verdict, 10)
    attempt?.release()
  }
  return harness.fleet.endpoints[0]?.breakerAt(0)?.state
}

describe('attempts under way together', () => {
  it.each(['broken', 'refused'] as const)('that are %s in one moment are one strike', (ending) => {
    expect(three(VERDICTS[ending])).toBe('closed')
  })

  it.each(['silent', 'unreachable', 'bad', 'threw'] as const)('that are %s are one strike each', (ending) => {
    expect(three(VERDICTS[ending])).toBe('open')
  })

  it.each(['silent', 'unreachable'] as const)(
    'that are %s are one strike while the instance answers others',
    (ending) => {
      const harness = new Harness({ breaker: guardless })
      harness.apply('a')
      const attempts = [1, 2, 3].map(() => harness.acquire())
      harness.acquire()?.settle(VERDICTS.good, 5)
      expect(run(harness, attempts, VERDICTS[ending])).toBe('closed')
    },
  )

  it('whose bodies are cut short in one moment are one strike', () => {
    const harness = new Harness({ breaker: guardless })
    harness.apply('a')
    const attempts = [1, 2, 3].map(() => harness.acquire())
    for (const attempt of attempts) attempt?.settle(VERDICTS.good, 0)
    return harness.clock.advance(10).then(() => {
      for (const attempt of attempts) attempt?.amend(VERDICTS.truncated)
      expect(harness.fleet.endpoints[0]?.breakerAt(0)?.state).toBe('closed')
      expect(harness.fleet.endpoints[0]?.settled).toMatchObject({ success: 0, failure: 3 })
    })
  })

  it('are a strike to the balancer and to events as they are to the breaker; retries see each failure', () => {
    const heard: unknown[] = []
    const harness = new Harness({
      balancer: { pick: ([first]) => first, settled: (_endpoint, outcome) => heard.push(outcome) },
    })
    harness.apply('a')
    const attempts = [1, 2, 3].map(() => harness.acquire())
    run(harness, attempts, VERDICTS.broken)
    expect(heard).toEqual(['failure', 'ignored', 'ignored'])
    expect(attempts.map((attempt) => attempt?.outcome)).toEqual(['failure', 'failure', 'failure'])
  })
})

describe('one after the other', () => {
  it.each(['broken', 'refused', 'silent', 'unreachable'] as const)('each %s is a strike', async (ending) => {
    const harness = new Harness({ breaker: guardless })
    harness.apply('a')
    for (let call = 0; call < 3; call++) {
      const attempt = harness.acquire()
      await harness.clock.advance(1)
      attempt?.settle(VERDICTS[ending])
      attempt?.release()
    }
    expect(harness.fleet.endpoints[0]?.breakerAt(0)?.state).toBe('open')
  })
})

describe('strikes of broken connections', () => {
  it('are what a slow and obvious model counts', async () => {
    const plan = array(tuple(integer({ min: 0, max: 600 }), integer({ min: 1, max: 600 })), {
      minLength: 1,
      maxLength: 30,
    })
    await assert(
      asyncProperty(plan, async (attempts) => {
        let strikes = 0
        const harness = new Harness({
          breaker: { failureThreshold: Infinity },
          balancer: {
            pick: ([first]) => first,
            settled: (_endpoint, outcome) => (strikes += outcome === 'failure' ? 1 : 0),
          },
        })
        harness.apply('a')
        const { clock } = harness
        for (const [start, took] of attempts) {
          clock.timer(start, () => {
            const attempt = harness.acquire()
            clock.timer(took, () => {
              attempt?.settle(VERDICTS.broken)
              attempt?.release()
            })
          })
        }
        await clock.advance(2_000)
        expect(strikes).toBe(model(attempts))
      }),
    )
  })
})

/** Walks through the failures in the order of time: one that began before the last strike, and not long ago, is part of it. */
function model(attempts: readonly (readonly [start: number, took: number])[]): number {
  const failures = attempts
    .map(([start, took]) => ({ start, end: start + took }))
    .toSorted((a, b) => a.end - b.end)
  let strikes = 0
  let last: number | undefined
  for (const { start, end } of failures) {
    if (last !== undefined && start < last && end <= last + 250) continue
    strikes++
    last = end
  }
  return strikes
}

describe('an instance that registers anew', () => {
  const options = { breaker: { failureThreshold: 1, openFor: 60_000 } }
  const a = { id: 'a', url: 'http://a:80', metadata: { version: '1' }, weight: 1 }

  it.each([
    ['with another version', { ...a, metadata: { version: '2' } }, true],
    ['in another zone', { ...a, zone: 'b' }, true],
    ['with another weight only', { ...a, weight: 5 }, false],
    ['in a new object that says the same', { ...a }, false],
  ])('%s: probed at once is %j', (_how, next, probed) => {
    const harness = new Harness(options)
    harness.apply(a)
    harness.run('failure')
    expect(harness.run()).toBeUndefined()
    harness.apply(next)
    expect(harness.run()).toBe(probed ? 'a' : undefined)
  })

  it('stays out if it was isolated by hand', () => {
    const harness = new Harness(options)
    harness.apply(a)
    harness.run()
    harness.fleet.endpoints[0]?.breakerAt(0)?.isolate()
    harness.apply({ ...a, metadata: { version: '2' } })
    expect(harness.run()).toBeUndefined()
  })
})
