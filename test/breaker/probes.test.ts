import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { breakerPolicy, type BreakerPolicy } from '../../src/breaker/policy.ts'
import { Probes } from '../../src/breaker/probes.ts'

const OPTIONS = {
  'one at a time': { successThreshold: 4 },
  'two at a time': { successThreshold: 4, halfOpenProbes: 2, probeTimeout: 4_000 },
  'short timeout': { successThreshold: 4, probeTimeout: 1_500 },
  'one left': { successThreshold: 2, halfOpenProbes: 3, successRate: 0.5 },
}

/** The rules in the plainest words: every question looks at every probe again. */
class SlowProbes {
  policy: BreakerPolicy
  probes: { permit: number; since: number; isOverdue: boolean }[] = []
  successes = 0
  failures = 0
  latest = -Infinity

  constructor(policy: BreakerPolicy) {
    this.policy = policy
  }

  get slots(): number {
    return Math.min(this.policy.halfOpenProbes, this.policy.round - this.successes - this.failures)
  }

  isFull(): boolean {
    return this.probes.filter(({ isOverdue }) => !isOverdue).length >= this.slots
  }

  freeAt(now: number, isInClient: boolean): number {
    if (!this.isFull()) return now
    const timeouts = this.probes.map(({ since }) => since + this.policy.probeTimeout)
    const overdue = this.probes.filter(({ isOverdue }) => isOverdue).length
    const waits = !isInClient || this.policy.waitsForProbes
    return Math.max(now, Math.min(...timeouts, waits ? Infinity : this.latest + 1_000 * 2 ** overdue))
  }

  timeOut(now: number): void {
    this.probes = this.probes.filter(({ since }) => now < since + this.policy.probeTimeout)
  }

  take(permit: number, now: number): void {
    this.timeOut(now)
    if (this.isFull()) for (const probe of this.probes) probe.isOverdue = true
    this.latest = now
    this.probes.push({ permit, since: now, isOverdue: false })
  }

  release(permit: number, now: number): boolean {
    this.timeOut(now)
    const isInFlight = this.probes.some((probe) => probe.permit === permit)
    this.probes = this.probes.filter((probe) => probe.permit !== permit)
    return isInFlight
  }
}

test('a round of probes agrees with a slow model, whatever happens', () => {
  const policies = constantFrom(...Object.values(OPTIONS)).map((options) => breakerPolicy(options))
  const step = record({
    what: constantFrom('take', 'success', 'failure', 'ignored', 'adopt', 'wait'),
    which: integer({ min: 0, max: 3 }),
    ms: constantFrom(0, 1, 499, 1_000, 1_500, 2_000, 4_000),
    policy: policies,
  })
  assert(
    property(policies, boolean(), array(step, { maxLength: 30 }), (policy, isInClient, steps) => {
      const probes = new Probes(policy, isInClient)
      const model = new SlowProbes(policy)
      let now = 0
      let permit = 0
      for (const { what, which, ms, policy: next } of steps) {
        now += ms
        if (what === 'adopt') {
          probes.adopt(next)
          model.policy = next
        } else if (what === 'take') {
          // Only a caller who was told that a slot is free takes one.
          if (probes.freeAt(now) > now) continue
          permit++
          probes.take(permit, now)
          model.take(permit, now)
        } else if (what !== 'wait') {
          const ended = Math.max(permit - which, 0)
          const isInFlight = probes.release(ended, now)
          expect(isInFlight).toBe(model.release(ended, now))
          if (!isInFlight || what === 'ignored') continue
          probes.count(what === 'success')
          if (what === 'success') model.successes++
          else model.failures++
        }
        expect(probes.freeAt(now)).toBe(model.freeAt(now, isInClient))
      }
    }),
    { numRuns: 3_000 },
  )
})
