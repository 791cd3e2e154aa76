import { isOthers } from '../../src/client/health.ts'
import type { LiveEndpoint } from '../../src/fleet/endpoint.ts'
import { Checker, type Checks } from '../../src/health/checker.ts'
import type { CheckResult } from '../../src/health/health.ts'
import { healthPolicy, type HealthOptions } from '../../src/health/policy.ts'
import { Harness } from '../fleet/harness.ts'

export interface Asked {
  readonly id: string
  readonly at: number
  /** Ends the check. If it is not called, the check is never answered. */
  readonly answer: (result: CheckResult) => void
  cancelled: boolean
}

export const PASS: CheckResult = { outcome: 'pass' }
export const FAIL: CheckResult = { outcome: 'fail', failure: { reason: 'status', status: 503 } }

/** A fleet in virtual time. The test answers its checks. */
export class HealthHarness extends Harness {
  /** All checks so far. */
  readonly asked: Asked[] = []
  /** The answers of instances. Undefined: no answer. */
  readonly answers: Map<string, CheckResult | undefined> = new Map()
  /** The events, such as `unhealthy a`. */
  readonly told: string[] = []
  readonly checker: Checker<LiveEndpoint>

  constructor(health: HealthOptions = {}, options: ConstructorParameters<typeof Harness>[0] = {}) {
    super(options)
    const { fleet, clock } = this
    this.checker = new Checker<LiveEndpoint>(
      {
        clock,
        endpoints: () => fleet.endpoints,
        usedAt: () => fleet.usedAt,
        isOthers: (endpoint, now) => isOthers(fleet, endpoint, now),
        changed: (endpoint, to) => {
          if (to) this.told.push(`${to} ${endpoint.instance.id}`)
          fleet.onHealthCheck(endpoint, to)
        },
      },
      this.checks(health),
    )
    fleet.checker = this.checker
  }

  checks(health: HealthOptions): Checks {
    return {
      policy: healthPolicy({ path: '/healthz', ...health }),
      check: (url, done) => {
        const id = new URL(url).hostname
        const asked: Asked = { id, at: this.clock.now(), answer: done, cancelled: false }
        this.asked.push(asked)
        const result = this.answers.has(id) ? this.answers.get(id) : PASS
        // The answer takes 2 ms.
        const stop = result ? this.clock.timer(2, () => done(result)) : undefined
        return () => {
          asked.cancelled = true
          stop?.()
        }
      },
    }
  }

  of(id: string): LiveEndpoint {
    const endpoint = this.fleet.endpoints.find(({ instance }) => instance.id === id)
    if (!endpoint) throw new Error(`no ${id}`)
    return endpoint
  }

  /** Advances the time while calls are made. */
  async busy(ms: number, step = 100): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.run()
      await this.clock.advance(Math.min(step, left))
    }
  }
}
