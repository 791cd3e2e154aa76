import { AsyncResource } from 'node:async_hooks'
import { checkScheme } from '../../attempt/address.ts'
import type { Core } from '../../call/core.ts'
import type { Plan } from '../../call/plan.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import type { Journal } from '../../observe/journal.ts'
import { quote } from '../../options.ts'
import { Dispatcher, wrapHandler } from '../../undici.ts'
import { acquireOne, exchangeFor } from '../sending/attempt.ts'
import type { Plans } from '../plan/plans.ts'
import type { Logical } from '../plan/target.ts'

/** Whose plans may be replaced between two calls. */
export interface PolicyInForce {
  readonly plans: Plans
}

/**
 * The attempt plane as an undici dispatcher: one pick, one send, whatever the origin says. No deadline, no
 * retry: those belong to whoever dispatches. No #private fields, because `compose` puts a Proxy in front.
 */
export class AttemptDispatcher extends Dispatcher {
  private readonly core: Core
  private readonly policy: PolicyInForce
  private readonly logical: Logical

  constructor(core: Core, policy: PolicyInForce, logical: Logical) {
    super()
    this.core = core
    this.policy = policy
    this.logical = logical
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const inner = wrapHandler(handler)
    const { method, path } = options
    const plan = this.policy.plans.match(method, path)
    const journal = this.core.observer.begin({ door: 'dispatcher', route: plan.route?.key, method, path })
    const send = (): void => {
      try {
        if (this.core.closed) throw this.core.closed
        if (journal) journal.discovery = journal.age
        const attempt = acquireOne(this.core, plan, options)
        if (options.origin !== undefined) checkScheme(String(options.origin), attempt)
        const dispatch = (): boolean =>
          exchangeFor(this.core, plan, attempt, this.logical, undefined, ABORTABLE).dispatch(options, inner)
        if (journal) sendTold(journal, attempt, dispatch)
        else dispatch()
      } catch (error) {
        if (journal?.attempts === 0) journal.end({ outcome: 'refused', error })
        fail(inner, error)
      }
    }
    if (this.core.discovery.seen) {
      if (journal) journal.trace(send)
      else send()
    } else this.wait(plan, send)
    return true
  }

  /** Until the first snapshot; `send` then says itself what is wrong, if something is. */
  private wait(plan: Plan, send: () => void): void {
    const { waiting, discovery } = this.core
    const resume = AsyncResource.bind(send)
    const giveUp = (): void => {
      if (plan.waitForReady) return
      waiting.delete(awaiting)
      resume()
    }
    const awaiting = { resume, giveUp }
    waiting.add(awaiting)
    if (discovery.isHopeless) giveUp()
  }

  /** The pools are the client's: it closes them. */
  override close(callback?: () => void): Promise<void> {
    callback?.()
    return Promise.resolve()
  }

  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> {
    return this.close(typeof error === 'function' ? error : callback)
  }
}

const ABORTABLE = Object.freeze({ abortable: true })

/** The call ends with its only attempt. */
function sendTold(journal: Journal, attempt: Attempt, dispatch: () => boolean): void {
  const trail = (attempt.trail = journal.trail(attempt.instance, false))
  trail.onEnd = ({ outcome, status, error }) => {
    const isGood = outcome === 'success' || outcome === 'ignored'
    if (status !== undefined) journal.end({ outcome: isGood ? 'success' : 'failure', status, trail })
    else journal.end({ outcome: outcome === 'ignored' ? 'aborted' : 'failure', error, trail })
  }
  trail.trace(1, dispatch)
}

/** As undici itself does before a request has a controller. */
function fail(handler: Dispatcher.DispatchHandler, error: unknown): void {
  const controller = null as unknown as Dispatcher.DispatchController
  handler.onResponseError?.(controller, error instanceof Error ? error : new Error(quote(error)))
}
