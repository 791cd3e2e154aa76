import { startTimer } from '../clock.ts'
import type { Expiring } from '../deadlines.ts'
import { NoInstanceError } from '../errors.ts'
import type { Outcome } from '../observe/events.ts'
import { nextCallId } from '../observe/call-id.ts'
import type { CallResult, Journal } from '../observe/journal.ts'
import { checkNumber } from '../options.ts'
import { isTimeLimit } from '../verdict/time-limit.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import { CallTries } from './call-tries.ts'
import type { Core } from './core.ts'
import { resultOfAbort, deadlineError, outcomeOfError, resultOf, verdictAtLimit } from './ending.ts'
import { watchFirstCaller } from './first-caller.ts'
import { runsCode, type Operation, type TryResult } from './operation.ts'
import { interruptibleSleep } from './interruptible-sleep.ts'
import { SnapshotWait } from './snapshot-wait.ts'
import type { Try } from './try.ts'

/** One call. Its deadline and its caller's abort end it immediately, whatever it waits for. */
export class Call<T> extends CallTries<T> implements Expiring {
  /**
   * The number of further attempts that cost neither one of `retry.attempts` nor budget, because the verdict on the
   * attempt before was `free`.
   */
  freeAttempts = 0
  /**
   * How many of them began another round. The others took over a request in the same try. `retry.attempts` does not count
   * these rounds.
   */
  freeRounds = 0
  /** Cancels the timer that starts the next hedge. */
  cancelHedge: (() => void) | undefined = undefined
  /** Called once, when the call ends. */
  onFinish: ((outcome: Outcome) => void) | undefined

  /** In ms of the clock. Infinity means none. */
  readonly deadline: number
  readonly #startedAt: number
  #resolve: ((value: T) => void) | undefined
  #interruptSleep: ((reason: unknown) => void) | undefined
  // The links of the list of deadlines. Only the list writes them.
  older: Expiring['older'] = undefined
  newer: Expiring['newer'] = undefined
  waiting: Expiring['waiting'] = undefined
  #cancelDeadline: (() => void) | undefined
  #snapshotWait: SnapshotWait | undefined
  #reject: ((reason: unknown) => void) | undefined
  #abortListener: (() => void) | undefined
  #unwatchFirstCaller: (() => void) | undefined

  constructor(core: Core, operation: Operation<T>, journal: Journal | undefined) {
    super(core, operation, journal)
    this.#startedAt = this.now
    const { deadline = Infinity, plan } = operation
    const given = checkNumber('deadline', deadline, { min: -Infinity })
    this.deadline = Math.min(this.now + plan.timeout.total, given)
  }

  get remaining(): number {
    return this.deadline - this.clock.now()
  }

  /**
   * Runs the call. Calls `begin` when instances are known: before this returns if they are known already, otherwise later.
   * Never calls it if the call ends first. What `begin` starts ends the call with `endAs`, `fail` or `refuse`.
   */
  run(begin: (call: this) => void): Promise<T> {
    const { signal, firstCallerSignal } = this.operation
    const { journal } = this
    if (signal?.aborted) {
      journal?.end(resultOfAbort(signal.reason))
      return Promise.reject(signal.reason)
    }
    return new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      if (signal) {
        this.#abortListener = () => this.#onCallerAbort(signal.reason)
        signal.addEventListener('abort', this.#abortListener, { once: true })
      }
      if (firstCallerSignal && journal)
        this.#unwatchFirstCaller = watchFirstCaller(
          firstCallerSignal,
          journal,
          () => this.mainTry?.attempt.trail,
        )
      if (this.deadline < Infinity) {
        const left = this.deadline - this.now
        if (left <= 0) {
          this.expire(0)
          return
        }
        if (this.deadline !== this.operation.deadline) {
          this.core.deadlines.add(this, this.operation.plan.timeout.total)
        } else this.#cancelDeadline = startTimer(this.clock, left, () => this.expire(-this.remaining))
      }
      if (runsCode(this.operation)) this.core.running.add(this)
      if (this.core.discovery.seen) this.#beginOrFail(begin)
      else this.#waitForSnapshot(() => this.#beginOrFail(begin))
    })
  }

  #beginOrFail(begin: (call: this) => void): void {
    try {
      begin(this)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Ends the call with the result of a try. If the call has ended already, the result is discarded. */
  endAs(result: TryResult<T>): void {
    if (!this.#markEnded(result.attempt.outcome)) {
      this.discard(result)
      return
    }
    this.journal?.end(resultOf(result))
    if (result.ok) this.#resolve?.(result.value as T)
    else this.#reject?.(result.error)
  }

  /** Rejects the call with an error that no try has returned, such as one that a user function threw. */
  fail(error: unknown): void {
    if (!this.#markEnded()) return
    this.journal?.end({ outcome: outcomeOfError(error), error, trail: this.mainTry?.attempt.trail })
    this.#reject?.(error)
  }

  /** Rejects the call with an error of ours, and publishes `call:rejected`. */
  refuse(error: Error, deadline?: CallResult['deadline']): void {
    // The call ends before listeners run: one of them may close the client.
    if (!this.#markEnded()) return
    const { events } = this.core
    const tell = (): void => events.emit('call:rejected', { ...this.stamp(), error })
    if (events.has('call:rejected')) this.inContext(tell)
    this.journal?.end({ outcome: outcomeOfError(error), error, deadline, trail: this.mainTry?.attempt.trail })
    this.#reject?.(error)
  }

  /**
   * Waits `ms` milliseconds. Resolves earlier if the client closes or `wake` is called. Rejects immediately if the call ends.
   * `onWait` is called before this returns, unless the client is closed. Then it is never called.
   */
  async sleep(ms: number, onWait?: (wake: () => void) => void): Promise<void> {
    // A listener to `call:retry` may have closed the client.
    if (this.core.closeError) return
    const since = this.journal?.age ?? 0
    try {
      await interruptibleSleep(this.core, ms, ({ resolve, reject }) => {
        this.#interruptSleep = reject
        onWait?.(resolve)
      })
    } finally {
      if (this.journal) this.journal.backoff += this.journal.age - since
    }
  }

  /** Returns the members that all events of this call have. */
  stamp(): { service: string; at: number; id: string; route?: string } {
    const { core, route, journal } = this
    return { ...core.stamp(), id: journal?.id ?? nextCallId(), ...(route !== undefined && { route }) }
  }

  #waitForSnapshot(resume: () => void): void {
    const { core, operation, journal } = this
    const isPatient = operation.plan.waitForReady
    const giveUp = (): void => this.refuse(this.makeRefusal())
    if (core.discovery.isHopeless && !isPatient) giveUp()
    else this.#snapshotWait = new SnapshotWait(core, journal, resume, isPatient ? () => {} : giveUp)
  }

  /** Returns the error that says why `acquire` returned undefined. */
  makeRefusal(): Error {
    const { closeError, fleet, discovery } = this.core
    return (
      closeError ?? fleet.makeRefusal(this.operation.plan.guard, discovery.error, this.route, this.subset)
    )
  }

  /** Ends the call because its deadline has passed. The timer fired `late` ms after it. */
  expire(late: number): void {
    const { discovery, service } = this.core
    const total = Math.round(this.operation.plan.timeout.total)
    const isCallers = this.operation.deadline === this.deadline
    const deadline = isCallers ? 'caller' : 'total'
    if (!discovery.seen) {
      const { error: cause } = discovery
      this.refuse(new NoInstanceError(`no instances of ${service} became known in time`, { cause }), deadline)
      return
    }
    const error = deadlineError(service, deadline, total)
    const result: CallResult = { outcome: 'timeout', error, deadline }
    const verdict = this.#limitVerdict(isCallers, late)
    this.#endNow(result, verdict, (tryUnderWay) => tryUnderWay.stop(error, verdict))
  }

  /**
   * Ends the call at once, with all its tries, and rejects it with `reason`: the client is closed and its drain time is
   * over, or a user function has thrown while a try was under way.
   */
  abort(reason: unknown): void {
    const result: CallResult = { outcome: outcomeOfError(reason), error: reason }
    this.#endNow(result, VERDICTS.abandoned, (tryUnderWay) => tryUnderWay.stop(reason, VERDICTS.abandoned))
  }

  /**
   * Ends the call because the caller's signal has aborted. If the reason is a timeout, the instance may get a verdict
   * for it.
   */
  #onCallerAbort(reason: unknown): void {
    const result = resultOfAbort(reason)
    const isLimit = isTimeLimit(reason)
    const verdict = isLimit ? this.#limitVerdict(true, 0) : VERDICTS.abandoned
    this.#endNow(result, verdict, (tryUnderWay) =>
      isLimit ? tryUnderWay.stopAtLimit(reason, verdict) : tryUnderWay.stop(reason, verdict),
    )
  }

  #endNow(result: CallResult, { outcome }: Verdict, stop: (tryUnderWay: Try<T>) => void): void {
    const tryUnderWay = this.mainTryUnderWay
    if (!this.#markEnded(outcome)) return
    const { error: reason } = result
    if (tryUnderWay) this.inContext(() => stop(tryUnderWay))
    for (const hedge of this.hedges ?? []) hedge.stop(reason, VERDICTS.abandoned)
    this.#interruptSleep?.(reason)
    this.journal?.end({ ...result, trail: this.mainTry?.attempt.trail })
    this.#reject?.(reason)
  }

  /** Returns the verdict on the main try when the time of the call has passed. */
  #limitVerdict(isCallers: boolean, late: number): Verdict {
    const callAge = this.clock.now() - this.#startedAt
    return verdictAtLimit(this.mainTryUnderWay, isCallers, callAge, late)
  }

  /** Marks the call as ended, and removes its timers and listeners. Returns false if it had ended before. */
  #markEnded(outcome: Outcome = 'ignored'): boolean {
    if (this.ended) return false
    this.ended = true
    this.waiting?.delete(this)
    if (runsCode(this.operation)) this.core.running.delete(this)
    this.#cancelDeadline?.()
    this.cancelHedge?.()
    this.#unwatchFirstCaller?.()
    if (this.#abortListener) this.operation.signal?.removeEventListener('abort', this.#abortListener)
    this.#snapshotWait?.stop()
    this.onFinish?.(outcome)
    return true
  }
}
