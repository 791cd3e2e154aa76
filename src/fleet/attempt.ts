import type { Outcome } from '../observe/events.ts'
import type { Instance } from '../registry/source.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'

/** What an attempt needs of its fleet. */
export interface AttemptContext {
  readonly instanceGuard: Guard | undefined
  now(): number
  /** Called once the attempt's state is committed. */
  settled(attempt: Attempt, outcome: Outcome, ms: number): void
}

/** One try on one endpoint. Settle it once with its outcome; release it when it holds no load any more. */
export class Attempt {
  readonly endpoint: LiveEndpoint
  /** 1 for the first try of a call. */
  readonly number: number
  readonly route: string | undefined
  readonly startedAt: number
  outcome: Outcome | undefined = undefined
  /** What was seen, for events. */
  status: number | undefined = undefined
  error: unknown = undefined
  /** The server's own wish, in ms. */
  retryAfter: number = 0

  #released = false
  readonly #context: AttemptContext
  readonly #guard: Guard | undefined
  /** Permits and receipts of the guard's own breaker, and of the instance's when that is another one. */
  readonly #permit: number
  readonly #instancePermit: number
  #receipt = 0

  constructor(
    endpoint: LiveEndpoint,
    request: { readonly attempt: number; readonly route?: string | undefined; readonly now: number },
    guard: Guard | undefined,
    permit: number,
    instancePermit: number,
    context: AttemptContext,
  ) {
    this.endpoint = endpoint
    this.number = request.attempt
    this.route = request.route
    this.startedAt = request.now
    this.#guard = guard
    this.#permit = permit
    this.#instancePermit = instancePermit
    this.#context = context
    endpoint.started(request.now)
  }

  get instance(): Instance {
    return this.endpoint.instance
  }

  /** How long ago it started, in ms. */
  age(): number {
    return this.#context.now() - this.startedAt
  }

  /**
   * Says how it ended, `ms` after its start; only the first call counts. `connection` marks a failure below
   * HTTP, which is the instance's whichever route saw it. `retryAfter` (ms) is the server's own wish.
   */
  settle(outcome: Outcome, ms: number = this.age(), connection = false, retryAfter = 0): void {
    if (this.outcome !== undefined) return
    this.outcome = outcome
    this.retryAfter = retryAfter
    const { endpoint } = this
    const now = this.startedAt + ms
    endpoint.answered(this.startedAt)
    endpoint.count(outcome)
    if (outcome === 'success') endpoint.succeeded(ms)
    if (retryAfter > 0) endpoint.penalise(now + retryAfter)
    const guard = this.#guard
    if (guard) {
      const own = this.#ownOutcome(outcome, connection)
      this.#receipt = endpoint.breaker(guard).settle(this.#permit, own, ms, now, retryAfter)
      this.#settleInstance(outcome, connection, ms, now)
    }
    this.#context.settled(this, outcome, ms)
  }

  /** The success its headers promised turned out a failure: the body was truncated. */
  amend(): void {
    if (this.outcome !== 'success') return
    this.outcome = 'failure'
    this.endpoint.count('success', -1)
    this.endpoint.count('failure')
    const guard = this.#guard
    if (guard) this.endpoint.breaker(guard).amend(this.#permit, this.#receipt, this.#context.now())
  }

  /** Gives the endpoint its load back; an attempt nobody settled is settled as ignored. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.settle('ignored')
    this.endpoint.released()
  }

  /** A connection failure says nothing about a route that has a breaker of its own. */
  #ownOutcome(outcome: Outcome, connection: boolean): Outcome {
    return connection && this.#guard !== this.#context.instanceGuard ? 'ignored' : outcome
  }

  /** Behind a route's own breaker, the instance's hears of connections only: an answer of any kind proves one. */
  #settleInstance(outcome: Outcome, connection: boolean, ms: number, now: number): void {
    const { instanceGuard } = this.#context
    if (!instanceGuard || instanceGuard === this.#guard) return
    const breaker = this.endpoint.breaker(instanceGuard)
    const proven = this.status !== undefined && breaker.state !== 'closed' ? 'success' : 'ignored'
    breaker.settle(this.#instancePermit, connection ? outcome : proven, ms, now)
  }
}
