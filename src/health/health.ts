import type { CheckFailure } from '../observe/events.ts'

/** How a check ended. `none` says nothing about the health of the instance. */
export type CheckResult =
  | { readonly outcome: 'pass' }
  | { readonly outcome: 'fail'; readonly failure: CheckFailure }
  | {
      readonly outcome: 'none'
      /** How long the server wants no further check, in ms. */
      readonly pause?: number
    }

/**
 * Starts a check of the instance at `url`. Calls `done` once, unless the returned function cancels the check
 * first.
 */
export type Check = (url: string, done: (result: CheckResult) => void) => () => void

export type HealthState = 'unknown' | 'healthy' | 'unhealthy'

export interface HealthRules {
  readonly healthyThreshold: number
  readonly unhealthyThreshold: number
  readonly startsHealthy: boolean
}

/** Whether the results of checks can be trusted now, and how long a breaker's first probe waits for a check. */
export interface Trust {
  /** False while no instance passes: either the check is wrong, or excluding instances would help no call. */
  readonly isTrusted: boolean
  /** How long the probe waits, in ms. 0 while no checks are made. */
  readonly patience: number
}

/** The results of the checks of one instance. It has no timer and sends nothing. */
export class Health {
  state: HealthState = 'unknown'
  /** Checks in a row that passed, or failed. */
  passes = 0
  failures = 0
  /** Times on the clock, in ms: when the next check is due, and when the last one ended. */
  dueAt: number
  checkedAt: number | undefined = undefined
  /** When the instance became unhealthy, in ms on the clock. */
  since = 0
  latest: CheckFailure | undefined = undefined
  /** Times on the clock, in ms: when the last check began, and when the last check that passed began. */
  begunAt: number = -Infinity
  #passedFrom = -Infinity
  /** Whether there were no checks for a while. Then one pass is enough. */
  #isOutdated = false
  readonly #trust: Trust
  #rules: HealthRules

  constructor(rules: HealthRules, trust: Trust, dueAt: number) {
    this.#rules = rules
    this.#trust = trust
    this.dueAt = dueAt
  }

  adopt(rules: HealthRules): void {
    this.#rules = rules
  }

  /** Whether the instance is picked only when no better one is available. */
  get isOut(): boolean {
    return this.state === 'unhealthy' || (this.state === 'unknown' && !this.#rules.startsHealthy)
  }

  /** Whether the last check passed. */
  get isPassing(): boolean {
    return this.passes > 0
  }

  /** Whether the state is about to change. Then the next check comes sooner. */
  get isChanging(): boolean {
    return this.state === 'unhealthy' ? this.passes > 0 : this.failures > 0 || this.isOut
  }

  /** Counts a check that began at `begunAt`. Returns the new state if the change must be published. */
  settle(result: CheckResult, begunAt: number, now: number): 'healthy' | 'unhealthy' | undefined {
    if (result.outcome === 'none') return undefined
    this.checkedAt = now
    const isOutdated = this.#isOutdated
    this.#isOutdated = false
    if (result.outcome === 'pass') return this.#passed(begunAt, isOutdated ? 1 : this.#rules.healthyThreshold)
    this.failures++
    this.passes = 0
    this.latest = result.failure
    if (this.state === 'unhealthy' || this.failures < this.#rules.unhealthyThreshold) return undefined
    this.state = 'unhealthy'
    this.since = now
    return 'unhealthy'
  }

  #passed(begunAt: number, threshold: number): 'healthy' | undefined {
    this.passes++
    this.failures = 0
    this.latest = undefined
    this.#passedFrom = begunAt
    if (this.state === 'unknown') this.state = 'healthy'
    if (this.state === 'healthy' || this.passes < threshold) return undefined
    this.state = 'healthy'
    return 'healthy'
  }

  /** Called after a time without checks. The known results are old, so one pass is then enough. */
  forget(): void {
    this.failures = this.passes = 0
    this.#isOutdated = true
  }

  /**
   * When a breaker that is due at `probeAt` may admit its first probe: at once if a check has passed since
   * then, or if checks cannot be trusted.
   */
  heldUntil(probeAt: number): number {
    const { isTrusted, patience } = this.#trust
    return isTrusted && this.#passedFrom < probeAt ? probeAt + patience : probeAt
  }
}
