import { AsyncResource } from 'node:async_hooks'
import { checkScheme } from '../../attempt/address.ts'
import { startTimer } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import type { Core } from '../../call/core.ts'
import type { Plan } from '../../call/plan.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import { headersFor } from '../../headers/own-headers.ts'
import type { Journal } from '../../observe/journal.ts'
import { Dispatcher, errors, wrapHandler } from '../../undici.ts'
import { copyPlainHeaders, headerOf } from '../../attempt/headers.ts'
import { copyBody, copyPlain } from '../input/copy.ts'
import { createExchange, sendOneAttempt } from '../sending/attempt.ts'
import { mirrorRequest } from '../sending/mirror.ts'
import { failHandler } from './fail-handler.ts'
import type { Plans } from '../plan/plans.ts'
import type { Logical } from '../plan/target.ts'
import { isGoodForCaller } from '../../verdict/verdict.ts'

/** Holds the plans of a client. An update of its options replaces them. */
export interface CurrentPlans {
  readonly plans: Plans
}

/**
 * A client as an undici dispatcher. Each request is one attempt on one instance, whatever its origin says. There is
 * no deadline and no retry: the code that dispatches is responsible for both. The class has no #private fields,
 * because `compose` puts a Proxy in front of it.
 */
export class AttemptDispatcher extends Dispatcher {
  private readonly core: Core
  private readonly policy: CurrentPlans
  private readonly logical: Logical

  constructor(core: Core, policy: CurrentPlans, logical: Logical) {
    super()
    this.core = core
    this.policy = policy
    this.logical = logical
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    checkHandler(handler)
    const inner = wrapHandler(handler)
    let plan: Plan
    let request: Dispatcher.DispatchOptions
    try {
      checkOptions(options)
      plan = this.policy.plans.match(options.method, options.path)
      request = copyRequest(options, !this.core.discovery.seen || hasHeaderFunctions(plan))
    } catch (error) {
      failHandler(inner, error)
      return false
    }
    const { method, path } = request
    const journal = this.core.observer.begin({ door: 'dispatcher', route: plan.route?.key, method, path })
    const failed = (error: unknown): void => {
      if (journal?.attempts === 0) journal.end({ outcome: 'refused', error })
      failHandler(inner, error)
    }
    const sendWith = (headers: Readonly<Record<string, string>> | undefined): void => {
      try {
        if (this.core.closeError) throw this.core.closeError
        sendOneAttempt(this.core, plan, request, (attempt) => {
          attempt.headers = headers
          if (request.origin !== undefined) checkScheme(String(request.origin), attempt)
          const dispatch = (): boolean =>
            createExchange(this.core, plan, attempt, this.logical, undefined, ABORTABLE).dispatch(
              request,
              inner,
            )
          if (journal) sendWithJournal(journal, attempt, dispatch)
          else dispatch()
          if (plan.mirror) this.mirror(plan, attempt, request)
        })
      } catch (error) {
        failed(error)
      }
    }
    const send = (): void => {
      if (journal) journal.discovery = journal.age
      const { own } = plan.headers
      if (!own) {
        sendWith(undefined)
        return
      }
      try {
        const subject = { service: this.core.service, route: plan.route?.key, method, path, attempt: 1 }
        const headers = headersFor(own, subject, (name) => headerOf(request.headers, name) !== undefined)
        if (headers instanceof Promise) this.awaitHeaders(plan, headers, sendWith, failed)
        else sendWith(headers)
      } catch (error) {
        failed(error)
      }
    }
    const begin = (): void => {
      if (this.core.discovery.seen || this.core.closeError) send()
      else this.waitForSnapshot(plan, send)
    }
    if (journal) journal.trace(begin)
    else begin()
    return true
  }

  private mirror(plan: Plan, attempt: Attempt, options: Dispatcher.DispatchOptions): void {
    const { logical, core } = this
    const { priority } = plan
    mirrorRequest(core, plan, { attempt, options, origin: String(options.origin ?? ''), logical, priority })
  }

  /**
   * Waits for the user function `headers()`, which may never answer. The wait ends when the timeout of an attempt or
   * of the call has passed, or in `close()`. Calls at most one of the two callbacks, once, and never synchronously.
   */
  private awaitHeaders<T>(
    { timeout }: Plan,
    answer: Promise<T>,
    onAnswer: (value: T) => void,
    onFailed: (error: unknown) => void,
  ): void {
    const { running, clock } = this.core
    const waiting = { abort: (reason: Error) => finish(() => onFailed(reason)) }
    const limit = Math.min(timeout.attempt, timeout.total)
    const onTimeout = (): void => waiting.abort(timeoutError(`headers() did not answer within ${limit} ms`))
    const cancel = limit < Infinity ? startTimer(clock, limit, onTimeout) : undefined
    const finish = (then: () => void): void => {
      if (!running.delete(waiting)) return
      cancel?.()
      then()
    }
    running.add(waiting)
    answer.then(
      (value) => finish(() => onAnswer(value)),
      (error: unknown) => finish(() => onFailed(error)),
    )
  }

  /**
   * Calls `send` once there is a first snapshot, the source has failed, or the client closes. `send` then reports
   * what is wrong. It is called synchronously if the source has failed already.
   */
  private waitForSnapshot(plan: Plan, send: () => void): void {
    const { snapshotWaiters, discovery } = this.core
    const resume = AsyncResource.bind(send)
    const giveUp = (): void => {
      if (plan.waitForReady) return
      snapshotWaiters.delete(awaiting)
      resume()
    }
    const awaiting = { resume, giveUp }
    snapshotWaiters.add(awaiting)
    if (discovery.isHopeless) giveUp()
  }

  /** Closes nothing: the pools belong to the client, which closes them. */
  override close(callback?: () => void): Promise<void> {
    callback?.()
    return Promise.resolve()
  }

  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> {
    return this.close(typeof error === 'function' ? error : callback)
  }
}

/** True if the option `headers` has functions, which may return a promise. */
function hasHeaderFunctions({ headers: { own } }: Plan): boolean {
  return own !== undefined && own.functions.length > 0
}

/**
 * Returns a copy of the request, because the caller may change the objects before it is sent, or sent again on
 * another connection. undici reads headers and query when it is called, and the body when it writes it. So query and
 * body are copied only if the request waits here first.
 */
function copyRequest(options: Dispatcher.DispatchOptions, isDelayed: boolean): Dispatcher.DispatchOptions {
  const request = { ...options, headers: copyPlainHeaders(options.headers) }
  if (!isDelayed) return request
  if (options.query) request.query = copyPlain(options.query)
  return { ...request, body: copyBody(options.body) ?? null }
}

/** Without a handler, an error cannot be reported, so undici throws it. */
function checkHandler(handler: unknown): void {
  if (typeof handler === 'object' && handler !== null) return
  throw new errors.InvalidArgumentError('handler must be an object')
}

/** Makes the checks of undici that the pool would make too late: method and path are needed to find the plan. */
function checkOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw new errors.InvalidArgumentError('opts must be an object.')
  }
  const { path, method } = options as Record<string, unknown>
  if (typeof path !== 'string') throw new errors.InvalidArgumentError('path must be a string')
  if (typeof method !== 'string') throw new errors.InvalidArgumentError('method must be a string')
}

const ABORTABLE = Object.freeze({ abortable: true })

/** Sends the only attempt of a call, and ends the call's journal with it. */
function sendWithJournal(journal: Journal, attempt: Attempt, dispatch: () => boolean): void {
  const trail = (attempt.trail = journal.onlyTrail(attempt.instance))
  trail.onEnd = ({ outcome, status, error }) => {
    const isGood = isGoodForCaller(outcome)
    if (!isGood) journal.notRetried = 'off'
    if (status !== undefined) journal.end({ outcome: isGood ? 'success' : 'failure', status, trail })
    else journal.end({ outcome: outcome === 'ignored' ? 'aborted' : 'failure', error, trail })
  }
  trail.trace(1, dispatch)
}
