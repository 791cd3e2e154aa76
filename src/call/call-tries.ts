import type { Attempt } from '../fleet/attempt.ts'
import type { Journal } from '../observe/journal.ts'
import { outsideCalls } from '../observe/scope.ts'
import { CallRequest } from './call-request.ts'
import type { Core } from './core.ts'
import { makeThrottleRecorder } from './throttle-recorder.ts'
import type { Operation, TryResult } from './operation.ts'
import { Try, type TryOwner } from './try.ts'

/** The tries of a call: acquires their attempts, starts them, and knows which are under way. A base class of the call, as CallRequest is. */
export abstract class CallTries<T> extends CallRequest<T> implements TryOwner<T> {
  ended = false
  /** `replaceUnsent` of retry-decision.ts, set by who runs the call: that file imports this one. */
  decideReplacement: ((call: this, unsent: Try<T>) => Attempt | undefined) | undefined
  /** What it has to tell; undefined when nobody listened as it began. */
  readonly journal: Journal | undefined
  /** The first try of the latest round. */
  protected mainTry: Try<T> | undefined
  /** The tries that joined it as hedges. */
  protected hedges: Set<Try<T>> | undefined

  constructor(core: Core, operation: Operation<T>, journal: Journal | undefined) {
    super(core, operation)
    this.journal = journal
  }

  /** The clock's time at which the call's time is over; Infinity without a deadline. */
  abstract readonly deadline: number
  /** Milliseconds until the deadline of the call. */
  abstract get remaining(): number

  /** Starts a try on an endpoint that was acquired for it. */
  start(attempt: Attempt, onEnd: (ended: Try<T>) => void): Try<T> {
    return attempt.releaseOnThrow(() => this.#start(attempt, onEnd))
  }

  #start(attempt: Attempt, onEnd: (ended: Try<T>) => void): Try<T> {
    const { journal, operation } = this
    const { throttle } = operation.plan
    const started = new Try(
      attempt,
      operation,
      this,
      throttle ? makeThrottleRecorder(throttle, onEnd) : onEnd,
    )
    const isHedge = this.mainTry?.over === false
    if (isHedge) (this.hedges ??= new Set()).add(started)
    else this.mainTry = started
    const trail = (attempt.trail = journal?.trail(attempt.instance, isHedge))
    if (trail) trail.trace(attempt.number, () => started.begin())
    else started.begin()
    return started
  }

  /** Another attempt for a try of which nothing was sent, in the context of the caller and with a trail of its own. */
  replaceUnsent(unsent: Try<T>): Attempt | undefined {
    const { journal } = this
    if (!journal) return this.decideReplacement?.(this, unsent)
    const { trail } = unsent.attempt
    const next = this.inContext(() => this.decideReplacement?.(this, unsent))
    if (next) {
      next.trail = journal.trail(next.instance, trail?.hedge === true)
      this.inContext(() => next.trail?.trace(next.number, () => {}))
    }
    return next
  }

  /** An attempt on an endpoint that takes this call; undefined when there is none. */
  acquire(): Attempt | undefined {
    if (this.ended || this.core.closeError) return undefined
    const { fleet } = this.core
    const { guard, traffic } = this.operation.plan
    // Once: its retries and hedges stay in the subset of its first try, on other instances of it.
    if (this.attempt++ === 0 && traffic)
      this.subset = traffic.choose(this, fleet.availability.subsetState(guard))
    return fleet.acquire(this, guard)
  }

  /** The first attempt of a call that was given none before. */
  acquireFirst(): Attempt | undefined {
    this.attempt = 0
    return this.acquire()
  }

  discard(result: TryResult<T>): void {
    if (result.ok) this.operation.discard(result.value as T)
  }

  /** The latest try, while it is under way. */
  protected get mainTryUnderWay(): Try<T> | undefined {
    return this.mainTry?.over === false ? this.mainTry : undefined
  }

  /** Runs what a timer of several calls, another caller or undici has caused in the async context of this call's caller. */
  protected inContext<R>(run: () => R): R {
    return (this.journal?.scope ?? outsideCalls).runInAsyncScope(run)
  }
}
