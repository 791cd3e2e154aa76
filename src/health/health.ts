import type { CheckFailure } from '../observe/events.ts'

/** How a check ended. `none` says nothing about the instance. */
export type CheckResult =
  | { readonly outcome: 'pass' }
  | { readonly outcome: 'fail'; readonly failure: CheckFailure }
  | {
      readonly outcome: 'none'
      /** Milliseconds that the server wants to be left alone. */
      readonly pause?: number
    }

/** Starts a check of the instance at `url`; `done` is called once, unless the returned function ends it first. */
export type Check = (url: string, done: (result: CheckResult) => void) => () => void

export type HealthState = 'unknown' | 'healthy' | 'unhealthy'

export interface HealthRules {
  readonly healthyThreshold: number
  readonly unhealthyThreshold: number
  readonly startsHealthy: boolean
}

/** Whether checks are worth their words now, and how long a breaker's first probe waits for one. */
export interface Belief {
  /** False while no instance passes: then the check is wrong, or what it tells helps nobody. */
  readonly isBelieved: boolean
  /** Milliseconds; 0 while no checks are made. */
  readonly patience: number
}

/** What the checks of one instance have shown. Pure: it owns no timer and sends nothing. */
export class Health {
  state: HealthState = 'unknown'
  /** Checks in a row. */
  passes = 0
  failures = 0
  /** By the clock: when the next check is due, and when the latest ended. */
  dueAt: number
  checkedAt: number | undefined = undefined
  /** When it became unhealthy. */
  since = 0
  latest: CheckFailure | undefined = undefined
  /** When the latest check began, and the latest that passed. */
  begunAt: number = -Infinity
  #passedFrom = -Infinity
  /** Nothing was checked for a while: one pass is enough. */
  #isOld = false
  readonly #belief: Belief
  #rules: HealthRules

  constructor(rules: HealthRules, belief: Belief, dueAt: number) {
    this.#rules = rules
    this.#belief = belief
    this.dueAt = dueAt
  }

  adopt(rules: HealthRules): void {
    this.#rules = rules
  }

  /** Picked only when nobody better is there. */
  get isOut(): boolean {
    return this.state === 'unhealthy' || (this.state === 'unknown' && !this.#rules.startsHealthy)
  }

  /** The latest check passed. */
  get isPassing(): boolean {
    return this.passes > 0
  }

  /** In the middle of a change of state: the next check comes sooner. */
  get isChanging(): boolean {
    return this.state === 'unhealthy' ? this.passes > 0 : this.failures > 0 || this.isOut
  }

  /** Counts a check that began at `begunAt`. Returns the state that it led to, if it is another that anybody should hear of. */
  settle(result: CheckResult, begunAt: number, now: number): 'healthy' | 'unhealthy' | undefined {
    if (result.outcome === 'none') return undefined
    this.checkedAt = now
    const isOld = this.#isOld
    this.#isOld = false
    if (result.outcome === 'pass') return this.#passed(begunAt, isOld ? 1 : this.#rules.healthyThreshold)
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

  /** After a time without checks one pass is enough: what is known is old. */
  forget(): void {
    this.failures = this.passes = 0
    this.#isOld = true
  }

  /** When a breaker that is due at `probeAt` may admit its first probe: once a check has passed, or nobody knows better. */
  heldUntil(probeAt: number): number {
    const { isBelieved, patience } = this.#belief
    return isBelieved && this.#passedFrom < probeAt ? probeAt + patience : probeAt
  }
}
