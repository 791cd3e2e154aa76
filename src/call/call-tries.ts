import type { Attempt } from '../fleet/attempt.ts'
import type { Journal } from '../observe/journal.ts'
import { outsideCalls } from '../observe/scope.ts'
import { CallRequest } from './call-request.ts'
import type { Core } from './core.ts'
import { makeThrottleRecorder } from './throttle-recorder.ts'
import type { Operation, TryResult } from './operation.ts'
import { Try, type TryOwner } from './try.ts'

/** The part of a call that acquires attempts, starts tries, and knows which tries are under way. */
export abstract class CallTries<T> extends CallRequest<T> implements TryOwner<T> {
  ended = false
  /** `replaceUnsent` of retry-decision.ts. execute.ts sets it, because a direct import would be circular. */
  decideReplacement: ((call: this, unsent: Try<T>) => Attempt | undefined) | undefined
  /** Collects what events report. Undefined if nothing listened when the call began. */
  readonly journal: Journal | undefined
  /** The first try of the current round. */
  protected mainTry: Try<T> | undefined
  /** All hedges of the call, including those that have ended. */
  protected hedges: Set<Try<T>> | undefined

  constructor(core: Core, operation: Operation<T>, journal: Journal | undefined) {
    super(core, operation)
    this.journal = journal
  }

  /** The deadline, in ms of the clock. Infinity means none. */
  abstract readonly deadline: number
  /** Milliseconds until the deadline. Infinity without one. */
  abstract get remaining(): number

  /**
   * Starts the main try of a round, or a hedge. `onEnd` may be called before this returns. It is called once, or never if
   * the try is stopped from outside.
   */
  start(attempt: Attempt, isHedge: boolean, onEnd: (ended: Try<T>) => void): Try<T> {
    return attempt.releaseOnThrow(() => this.#start(attempt, isHedge, onEnd))
  }

  #start(attempt: Attempt, isHedge: boolean, onEnd: (ended: Try<T>) => void): Try<T> {
    const { journal, operation } = this
    const { throttle } = operation.plan
    const started = new Try(
      attempt,
      operation,
      this,
      throttle ? makeThrottleRecorder(throttle, onEnd) : onEnd,
    )
    if (isHedge) (this.hedges ??= new Set()).add(started)
    else this.mainTry = started
    const trail = (attempt.trail = journal?.trail(attempt.instance, isHedge))
    if (trail) trail.trace(attempt.number, () => started.begin())
    else started.begin()
    return started
  }

  /** Returns another attempt for a try of which nothing was sent. Runs in the caller's async context. */
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

  /** Acquires an attempt. Returns undefined if no endpoint is available, or if the call or the client has ended. */
  acquire(): Attempt | undefined {
    if (this.ended || this.core.closeError) return undefined
    const { fleet } = this.core
    const { guard, traffic } = this.operation.plan
    // Traffic rules choose once per call. Retries and hedges stay in that subset, on other instances.
    if (this.attempt++ === 0 && traffic)
      this.subset = traffic.choose(this, fleet.availability.subsetState(guard))
    return fleet.acquire(this, guard)
  }

  /** Acquires the first attempt of a call again, after `acquire` returned undefined. */
  acquireFirst(): Attempt | undefined {
    this.attempt = 0
    return this.acquire()
  }

  discard(result: TryResult<T>): void {
    if (result.ok) this.operation.discard(result.value as T)
  }

  /** The main try, if it is under way. */
  protected get mainTryUnderWay(): Try<T> | undefined {
    return this.mainTry?.over === false ? this.mainTry : undefined
  }

  /**
   * Runs a function in the async context of this call's caller. Needed when the cause is a shared timer, another call or
   * undici, because these run in other contexts.
   */
  protected inContext<R>(run: () => R): R {
    return (this.journal?.scope ?? outsideCalls).runInAsyncScope(run)
  }
}
