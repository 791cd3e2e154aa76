import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Health, type CheckResult, type HealthRules } from '../../src/health/health.ts'
import { FAIL, PASS } from './harness.ts'

interface Past {
  readonly result: CheckResult
  readonly begunAt: number
  /** The first check after a time without checks. */
  readonly isFirst: boolean
}

const NONE: CheckResult = { outcome: 'none' }

/** Applies the rules to the complete history for each question. */
class Model {
  readonly past: Past[] = []
  readonly rules: HealthRules

  constructor(rules: HealthRules) {
    this.rules = rules
  }

  get state(): string {
    const seen = this.past.filter(({ result }) => result.outcome !== 'none')
    let state = 'unknown'
    for (const [index, { result }] of seen.entries()) {
      const upTo = seen.slice(0, index + 1)
      const { isFirst } = seen[index] ?? { isFirst: false }
      if (result.outcome === 'pass') {
        const wanted = state === 'unhealthy' && !isFirst ? this.rules.healthyThreshold : 1
        if (inARow(upTo, 'pass') >= wanted) state = 'healthy'
      } else if (inARow(upTo, 'fail') >= this.rules.unhealthyThreshold) state = 'unhealthy'
    }
    return state
  }

  heldUntil(probeAt: number, isTrusted: boolean, patience: number): number {
    const passed = this.past.some(({ result, begunAt }) => result.outcome === 'pass' && begunAt >= probeAt)
    return passed || !isTrusted ? probeAt : probeAt + patience
  }
}

/** A run of equal results ends where there were no checks for a while. */
function inARow(past: readonly Past[], outcome: string): number {
  let count = 0
  for (const { result, isFirst } of past.toReversed()) {
    if (result.outcome !== outcome) break
    count++
    if (isFirst) break
  }
  return count
}

const ops = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(PASS, FAIL, FAIL, NONE).map((result) => ({ result })) },
    { weight: 1, arbitrary: fc.constant('forget' as const) },
    { weight: 2, arbitrary: fc.nat(60).map((probeAt) => ({ probeAt })) },
    { weight: 1, arbitrary: fc.boolean().map((isTrusted) => ({ isTrusted })) },
  ),
  { minLength: 1, maxLength: 60 },
)

test('behaves like a model that stores the complete history', () => {
  fc.assert(
    fc.property(
      fc.record({
        healthyThreshold: fc.integer({ min: 1, max: 4 }),
        unhealthyThreshold: fc.integer({ min: 1, max: 4 }),
        startsHealthy: fc.boolean(),
      }),
      ops,
      (rules, script) => {
        const trust = { isTrusted: false, patience: 7 }
        const health = new Health(rules, trust, 0)
        const model = new Model(rules)
        let now = 0
        let isFirst = false
        for (const op of script) {
          now++
          const before = model.state
          if (op === 'forget') {
            health.forget()
            isFirst = true
          } else if ('isTrusted' in op) trust.isTrusted = op.isTrusted
          else if ('probeAt' in op) {
            expect(health.heldUntil(op.probeAt)).toBe(model.heldUntil(op.probeAt, trust.isTrusted, 7))
          } else {
            const told = health.settle(op.result, now - 1, now)
            model.past.push({ result: op.result, begunAt: now - 1, isFirst })
            if (op.result.outcome !== 'none') isFirst = false
            const after = model.state
            const isTold =
              after !== before && before !== 'unknown' ? after : after === 'unhealthy' && before !== after
            expect(told).toBe(isTold === true ? 'unhealthy' : isTold === false ? undefined : isTold)
          }
          const { state } = model
          expect(health.state).toBe(state)
          expect(health.isOut).toBe(state === 'unhealthy' || (state === 'unknown' && !rules.startsHealthy))
        }
      },
    ),
    { numRuns: 2_000 },
  )
})
