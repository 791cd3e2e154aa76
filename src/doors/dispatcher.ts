import { checkScheme } from '../attempt/address.ts'
import type { Core } from '../call/core.ts'
import { quote } from '../options.ts'
import { Dispatcher, wrapHandler } from '../undici.ts'
import { acquireHop, exchangeFor } from './hop.ts'
import type { Plans } from './plans.ts'
import type { Logical } from './target.ts'

/**
 * The attempt plane as an undici dispatcher: one pick, one send, whatever the origin says. No deadline, no
 * retry: those belong to whoever dispatches. No #private fields, because `compose` puts a Proxy in front.
 */
export class AttemptDispatcher extends Dispatcher {
  private readonly core: Core
  private readonly plans: Plans
  private readonly logical: Logical

  constructor(core: Core, plans: Plans, logical: Logical) {
    super()
    this.core = core
    this.plans = plans
    this.logical = logical
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const inner = wrapHandler(handler)
    const send = (): void => {
      try {
        if (this.core.closed) throw this.core.closed
        const plan = this.plans.match(options.method, options.path)
        const attempt = acquireHop(this.core, plan, options)
        if (options.origin !== undefined) checkScheme(String(options.origin), attempt)
        exchangeFor(this.core, plan, attempt, this.logical, undefined, ABORTABLE).dispatch(options, inner)
      } catch (error) {
        fail(inner, error)
      }
    }
    if (this.core.discovery.seen) send()
    else this.core.discovery.ready.then(send, (error: unknown) => fail(inner, error))
    return true
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

/** As undici itself does before a request has a controller. */
function fail(handler: Dispatcher.DispatchHandler, error: unknown): void {
  const controller = null as unknown as Dispatcher.DispatchController
  handler.onResponseError?.(controller, error instanceof Error ? error : new Error(quote(error)))
}
