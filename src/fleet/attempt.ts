import { EARLY } from '../breaker/breaker.ts'
import type { Outcome } from '../observe/events.ts'
import type { Trail } from '../observe/trail.ts'
import type { Instance } from '../registry/source.ts'
import type { Subset } from '../traffic/subset.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import type { LiveEndpoint } from './endpoint.ts'
import { isInstanceGuard, type Guard } from './guard.ts'

/** The part of the fleet that an attempt uses. */
export interface AttemptContext {
  readonly instanceGuard: Guard | undefined
  now(): number
  /** The time in Unix milliseconds. */
  unixTime(): number
  /** Called once, when load and breakers are up to date. `counted` is the outcome that breaker and balancer count. */
  onSettled(attempt: Attempt, counted: Outcome, ms: number): void
  /** Called when an attempt that was settled as a success has failed after all. */
  onAmended(attempt: Attempt): void
  /** Called when the response has a header with the load of the instance. */
  onLoadReport(attempt: Attempt, header: string | string[]): void
}

/**
 * One request to one endpoint. `settle` reports its verdict, usually at the response headers. `release` gives back its load,
 * when the body has ended.
 */
export class Attempt {
  readonly endpoint: LiveEndpoint
  /** 1 for the first attempt of a call. */
  readonly number: number
  readonly route: string | undefined
  readonly guard: Guard | undefined
  /** The instances that its call may go to. Undefined means all. */
  readonly subset: Subset | undefined
  /** In ms of the clock. */
  readonly startedAt: number
  /** True for an early probe: a breaker did not admit it, but `LastResort` let it through. */
  readonly early: boolean
  verdict: Verdict | undefined = undefined
  /** The status and error for events. */
  status: number | undefined = undefined
  error: unknown = undefined
  /** The pause that the server asked for with Retry-After, in ms. */
  retryAfter: number = 0
  /** The headers of the option `headers`, with names in lower case. */
  headers: Readonly<Record<string, string>> | undefined = undefined
  /** Collects what events report. Undefined if nothing listens to the call. */
  trail: Trail | undefined = undefined

  #released = false
  readonly #context: AttemptContext
  /** The permit of the guard's breaker. */
  readonly #permit: number
  /** The permit of the instance's breaker, if that is another one. Otherwise 0. */
  readonly #instancePermit: number
  /** The receipt of the guard's breaker for the result, needed to amend it. */
  #receipt = 0

  constructor(
    endpoint: LiveEndpoint,
    request: {
      readonly attempt: number
      readonly route?: string | undefined
      readonly now: number
      readonly subset?: Subset | undefined
    },
    guard: Guard | undefined,
    permit: number,
    instancePermit: number,
    context: AttemptContext,
  ) {
    this.endpoint = endpoint
    this.number = request.attempt
    this.route = request.route
    this.startedAt = request.now
    this.guard = guard
    this.subset = request.subset
    this.early = permit === EARLY || instancePermit === EARLY
    this.#permit = permit
    this.#instancePermit = instancePermit
    this.#context = context
    endpoint.noteStart(request.now)
  }

  get instance(): Instance {
    return this.endpoint.instance
  }

  /** The outcome of its verdict. Undefined until it is settled. */
  get outcome(): Outcome | undefined {
    return this.verdict?.outcome
  }

  /** Milliseconds since the start. */
  age(): number {
    return this.#context.now() - this.startedAt
  }

  unixTime(): number {
    return this.#context.unixTime()
  }

  /**
   * Reports the verdict, `ms` milliseconds after the start. Further calls do nothing. `retryAfter` is the pause that the server
   * asked for, and `pause` is how long the client avoids the instance because of it. Both are in ms.
   */
  settle(verdict: Verdict, ms: number = this.age(), retryAfter = 0, pause: number = retryAfter): void {
    if (this.verdict !== undefined) return
    const { trail } = this
    if (trail) {
      trail.scope.runInAsyncScope(() => this.#settle(verdict, ms, retryAfter, pause))
      trail.onEnd?.(this)
    } else this.#settle(verdict, ms, retryAfter, pause)
  }

  #settle(verdict: Verdict, ms: number, retryAfter: number, pause: number): void {
    this.verdict = verdict
    this.retryAfter = retryAfter
    const { endpoint } = this
    const { outcome } = verdict
    const now = this.startedAt + ms
    endpoint.noteAnswer(this.startedAt)
    endpoint.count(outcome)
    if (outcome === 'success') endpoint.noteSuccess(ms, now)
    else if (outcome !== 'ignored') this.#failedAt(now)
    const isHeeded = endpoint.countAndTrustPause(outcome, this.status) || verdict.pause !== undefined
    const heeded = isHeeded ? pause : 0
    if (heeded > 0) endpoint.pauseUntil(now + heeded)
    const counted = this.#countedOutcome(verdict, now)
    const { guard } = this
    if (guard) {
      const own = this.#outcomeForOwnBreaker(counted, verdict)
      this.#receipt = endpoint.breaker(guard).settle(this.#permit, own, ms, now, heeded)
      this.#settleInstanceBreaker(counted, verdict, ms, now)
    }
    this.#context.onSettled(this, counted, ms)
  }

  /** Passes the load header of the response to the balancer. Does nothing after `settle`. */
  reportLoad(header: string | string[]): void {
    if (this.verdict !== undefined) return
    if (this.trail) this.trail.scope.runInAsyncScope(() => this.#context.onLoadReport(this, header))
    else this.#context.onLoadReport(this, header)
  }

  /** Turns a success into a failure: the body was cut short, or did not match the contract of the route. */
  amend(verdict: Verdict): void {
    if (this.outcome !== 'success') return
    this.verdict = verdict
    this.endpoint.count('success', -1)
    this.endpoint.count('failure')
    const { guard } = this
    const now = this.#context.now()
    this.#failedAt(now)
    const amend = (): void => {
      if (guard && this.#countedOutcome(verdict, now) === 'failure') {
        this.endpoint.breaker(guard).amend(this.#permit, this.#receipt, now)
      }
      this.#context.onAmended(this)
    }
    if (this.trail) this.trail.scope.runInAsyncScope(amend)
    else amend()
  }

  /**
   * Calls `send` synchronously. If it throws, settles and releases the attempt. Code that has acquired an attempt must send
   * it inside this, so that an error before the sending cannot keep load or a breaker's permit.
   */
  releaseOnThrow<T>(send: (attempt: this) => T): T {
    try {
      return send(this)
    } catch (error) {
      this.error ??= error
      this.settle(VERDICTS.mistaken)
      this.release()
      throw error
    }
  }

  /**
   * Gives the load back to the endpoint. Further calls do nothing. If the attempt has no verdict, it becomes
   * `abandoned`.
   */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.settle(VERDICTS.abandoned)
    this.endpoint.noteRelease()
  }

  #failedAt(at: number): void {
    const { status, error } = this
    this.endpoint.noteFailure({ at, status, error })
  }

  /** Returns the outcome to count: only one failure of an incident counts, the others are `ignored`. */
  #countedOutcome({ outcome, together }: Verdict, now: number): Outcome {
    const { endpoint, startedAt } = this
    if (outcome !== 'failure' || together === 'never') return outcome
    // No attempt has succeeded since this one began. The instance seems to hang, so each failure counts.
    if (together === 'answering' && endpoint.succeededAt < startedAt) return outcome
    return endpoint.isNewIncident(startedAt, now, together === 'always') ? outcome : 'ignored'
  }

  /**
   * Returns the outcome for the guard's breaker. The breaker of a route ignores connection failures: they say nothing
   * about the route.
   */
  #outcomeForOwnBreaker(outcome: Outcome, { about }: Verdict): Outcome {
    return about === 'connection' && !isInstanceGuard(this.guard) ? 'ignored' : outcome
  }

  /**
   * Settles the instance's breaker if the guard is a route's. It counts connection failures only. Any response proves that
   * the connection works, and counts as a success while the breaker is not closed.
   */
  #settleInstanceBreaker(outcome: Outcome, { about }: Verdict, ms: number, now: number): void {
    const { instanceGuard } = this.#context
    if (!instanceGuard || isInstanceGuard(this.guard)) return
    const breaker = this.endpoint.breaker(instanceGuard)
    const proven = this.status !== undefined && breaker.state !== 'closed' ? 'success' : 'ignored'
    breaker.settle(this.#instancePermit, about === 'connection' ? outcome : proven, ms, now)
  }
}
