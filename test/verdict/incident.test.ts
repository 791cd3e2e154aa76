import { array, assert, asyncProperty, integer, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withRegistration } from '../../src/registry/registration.ts'
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

describe('attempts in flight together', () => {
  it.each(['broken', 'notConnected'] as const)('that are %s at the same moment are one strike', (ending) => {
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

  it('that break one after the other because this process has little CPU time are one strike', async () => {
    const harness = new Harness({ breaker: guardless })
    harness.apply('a')
    const attempts = Array.from({ length: 9 }, () => harness.acquire())
    for (const attempt of attempts) {
      await harness.clock.advance(200)
      attempt?.settle(VERDICTS.broken)
      expect(harness.fleet.endpoints[0]?.breakerAt(0)?.counts(0).consecutive).toBe(1)
    }
  })

  it('that break one after the other for longer than 2 s are one strike per 2 s', async () => {
    const harness = new Harness({ breaker: guardless })
    harness.apply('a')
    const attempts = Array.from({ length: 40 }, () => harness.acquire())
    let broken = 0
    for (const attempt of attempts) {
      await harness.clock.advance(200)
      broken++
      attempt?.settle(VERDICTS.broken)
      if (harness.fleet.endpoints[0]?.isInstanceBreakerClosed() === false) break
    }
    expect(broken).toBe(23)
  })

  it('that are silent one after the other are one strike each, however busy this process is', async () => {
    const harness = new Harness({ breaker: guardless })
    harness.apply('a')
    const attempts = [1, 2, 3].map(() => harness.acquire())
    for (const attempt of attempts) {
      await harness.clock.advance(200)
      harness.acquire()?.settle(VERDICTS.busy)
      await harness.clock.advance(60)
      attempt?.settle(VERDICTS.silent)
    }
    expect(harness.fleet.endpoints[0]?.isInstanceBreakerClosed()).toBe(false)
  })

  it('whose bodies are cut short at the same moment are one strike', () => {
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

  it('are the same strikes for the balancer and the events as for the breaker; retries see each failure', () => {
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
  it.each(['broken', 'notConnected', 'silent', 'unreachable'] as const)(
    'each %s is a strike',
    async (ending) => {
      const harness = new Harness({ breaker: guardless })
      harness.apply('a')
      for (let call = 0; call < 3; call++) {
        const attempt = harness.acquire()
        await harness.clock.advance(1)
        attempt?.settle(VERDICTS[ending])
        attempt?.release()
      }
      expect(harness.fleet.endpoints[0]?.breakerAt(0)?.state).toBe('open')
    },
  )
})

describe('strikes of broken connections', () => {
  it('are the same as in a slow and simple model', async () => {
    const plan = array(tuple(integer({ min: 0, max: 600 }), integer({ min: 1, max: 3_000 })), {
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
        await clock.advance(4_000)
        expect(strikes).toBe(model(attempts))
      }),
    )
  })
})

/**
 * Goes through the failures in the order of time. A failure belongs to a strike if its attempt began before the strike
 * and ended soon after the strike, or soon after another failure that belongs to it.
 */
function model(attempts: readonly (readonly [start: number, took: number])[]): number {
  const failures = attempts
    .map(([start, took]) => ({ start, end: start + took }))
    .toSorted((a, b) => a.end - b.end)
  let strikes = 0
  let incident: number[] = []
  for (const { start, end } of failures) {
    const [first = -Infinity] = incident
    const isSoon = end <= first + 250 || (end <= (incident.at(-1) ?? 0) + 250 && end <= first + 2_000)
    if (start < first && isSoon) incident.push(end)
    else {
      strikes++
      incident = [end]
    }
  }
  return strikes
}

describe('an instance that registers again', () => {
  const options = { breaker: { failureThreshold: 1, openFor: 60_000 } }
  const a = { id: 'a', url: 'http://a:80', metadata: { version: '1' }, weight: 1 }

  it.each([
    ['with another version', { ...a, metadata: { version: '2' } }, true],
    ['in another zone', { ...a, zone: 'b' }, true],
    ['with another weight only', { ...a, weight: 5 }, false],
    ['in a new object with the same data', { ...a }, false],
  ])('%s: probed at once is %j', (_how, next, probed) => {
    const harness = new Harness(options)
    harness.apply(a)
    harness.run('failure')
    expect(harness.run()).toBeUndefined()
    harness.apply(next)
    expect(harness.run()).toBe(probed ? 'a' : undefined)
  })

  it('with the same data under another lease is probed at once, without an event', () => {
    const harness = new Harness(options)
    const first = withRegistration({ ...a }, 'lease 1')
    harness.apply(first)
    harness.run('failure')
    harness.apply(withRegistration({ ...a }, 'lease 1'))
    expect(harness.run()).toBeUndefined()
    // A copy from a cache, which does not show the lease.
    harness.apply({ ...a })
    expect(harness.run()).toBeUndefined()
    harness.apply(first)
    harness.run('failure')
    harness.log.length = 0
    harness.apply(withRegistration({ ...a }, 'lease 2'))
    expect(harness.run()).toBe('a')
    expect(harness.log.filter((line) => line.startsWith('instance:'))).toEqual([])
  })

  it('stays isolated if it was isolated by hand', () => {
    const harness = new Harness(options)
    harness.apply(a)
    harness.run()
    harness.fleet.endpoints[0]?.breakerAt(0)?.isolate()
    harness.apply({ ...a, metadata: { version: '2' } })
    expect(harness.run()).toBeUndefined()
  })
})
