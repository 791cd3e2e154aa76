import { EARLY } from '../breaker/breaker.ts'
import type { Outcome } from '../observe/events.ts'
import type { Trail } from '../observe/trail.ts'
import type { Instance } from '../registry/source.ts'
import type { Subset } from '../traffic/subset.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import type { LiveEndpoint } from './endpoint.ts'
import { isInstanceGuard, type Guard } from './guard.ts'

/** What an attempt needs of its fleet. */
export interface AttemptContext {
  readonly instanceGuard: Guard | undefined
  now(): number
  /** Unix milliseconds. */
  unixTime(): number
  /** Called once the attempt's state is committed. `counted` is what it is held to be for its endpoint. */
  onSettled(attempt: Attempt, counted: Outcome, ms: number): void
  /** A success it was told of turned out a failure. */
  onAmended(attempt: Attempt): void
  /** Its answer says something about the load of its instance. */
  onLoadReport(attempt: Attempt, header: string | string[]): void
}

/** One try on one endpoint. Settle it once with its verdict; release it when it holds no load any more. */
export class Attempt {
  readonly endpoint: LiveEndpoint
  /** 1 for the first try of a call. */
  readonly number: number
  readonly route: string | undefined
  readonly guard: Guard | undefined
  /** The instances that its call may go to; undefined: all of them. */
  readonly subset: Subset | undefined
  readonly startedAt: number
  /** Let through although a breaker was open, as a last resort. */
  readonly early: boolean
  verdict: Verdict | undefined = undefined
  /** What was seen, for events. */
  status: number | undefined = undefined
  error: unknown = undefined
  /** The server's own wish, in ms. */
  retryAfter: number = 0
  /** Headers that its request is sent with, in lower case. */
  headers: Readonly<Record<string, string>> | undefined = undefined
  /** What it has to tell, if anybody hears of its call. */
  trail: Trail | undefined = undefined

  #released = false
  readonly #context: AttemptContext
  /** Permits and receipts of the guard's own breaker, and of the instance's when that is another one. */
  readonly #permit: number
  readonly #instancePermit: number
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

  /** What its verdict counts as; undefined until it is settled. */
  get outcome(): Outcome | undefined {
    return this.verdict?.outcome
  }

  /** How long ago it started, in ms. */
  age(): number {
    return this.#context.now() - this.startedAt
  }

  unixTime(): number {
    return this.#context.unixTime()
  }

  /**
   * Says how it ended, `ms` after its start; only the first call counts. `retryAfter` (ms) is the server's own wish, and
   * `pause` how long the instance should be left alone for it.
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
    if (heeded > 0) endpoint.penalise(now + heeded)
    const counted = this.#countedOutcome(verdict, now)
    const { guard } = this
    if (guard) {
      const own = this.#outcomeForOwnBreaker(counted, verdict.connection)
      this.#receipt = endpoint.breaker(guard).settle(this.#permit, own, ms, now, heeded)
      this.#settleInstanceBreaker(counted, verdict.connection, ms, now)
    }
    this.#context.onSettled(this, counted, ms)
  }

  /** Its answer has a header about the load of its instance. */
  reportLoad(header: string | string[]): void {
    if (this.verdict !== undefined) return
    if (this.trail) this.trail.scope.runInAsyncScope(() => this.#context.onLoadReport(this, header))
    else this.#context.onLoadReport(this, header)
  }

  /** The success that its headers promised turned out a failure: the body was cut short, or broke its contract. */
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
   * Runs what sends the attempt, and releases it if that throws. Whoever has acquired an attempt hands it on in here:
   * nothing that happens before it is on its way can keep its load or its breaker's permit.
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

  /** Gives the endpoint its load back; an attempt nobody settled is settled as abandoned. */
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

  /** Of the attempts that fail in one incident, one counts. */
  #countedOutcome({ outcome, together }: Verdict, now: number): Outcome {
    const { endpoint, startedAt } = this
    if (outcome !== 'failure' || together === 'never') return outcome
    // No attempt had an answer: each of them says by itself that the instance hangs.
    if (together === 'answering' && endpoint.succeededAt < startedAt) return outcome
    return endpoint.isNewIncident(startedAt, now, together === 'always') ? outcome : 'ignored'
  }

  /** A connection failure says nothing about a route that has a breaker of its own. */
  #outcomeForOwnBreaker(outcome: Outcome, connection: boolean): Outcome {
    return connection && !isInstanceGuard(this.guard) ? 'ignored' : outcome
  }

  /** Behind a route's own breaker, the instance's hears of connections only: an answer of any kind proves one. */
  #settleInstanceBreaker(outcome: Outcome, connection: boolean, ms: number, now: number): void {
    const { instanceGuard } = this.#context
    if (!instanceGuard || isInstanceGuard(this.guard)) return
    const breaker = this.endpoint.breaker(instanceGuard)
    const proven = this.status !== undefined && breaker.state !== 'closed' ? 'success' : 'ignored'
    breaker.settle(this.#instancePermit, connection ? outcome : proven, ms, now)
  }
}
