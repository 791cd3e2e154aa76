import type { Dispatcher } from '../undici.ts'

type Abort = (reason: Error) => void

/**
 * A request that is sent by a dispatcher of another service or of the platform, and that this client can abort. Its
 * handler has the same methods as the given one, because the platform's dispatcher may know only those.
 */
export class OutsideRequest {
  readonly handler: Dispatcher.DispatchHandler
  #abort: Abort | undefined
  #aborted: Error | undefined
  #isDropped = false

  constructor(inner: Dispatcher.DispatchHandler) {
    this.handler = new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown =>
          this.#shouldForward(name, args[0]) ? Reflect.apply(value, target, args) : undefined
      },
    })
  }

  abort(reason: Error): void {
    this.#aborted = reason
    this.#abort?.(reason)
  }

  /** Aborts the rest of a redirect's response. The inner handler is not called any more. */
  dropRest(): void {
    this.#isDropped = true
    this.abort(new Error('redirected'))
  }

  /** Returns whether to pass this call on to the inner handler. */
  #shouldForward(name: string | symbol, first: unknown): boolean {
    if (name === 'onConnect') return this.#onStart(first as Abort)
    if (name === 'onRequestStart') {
      const controller = first as Dispatcher.DispatchController
      return this.#onStart((reason) => controller.abort(reason))
    }
    if (name === 'onComplete' || name === 'onResponseEnd') this.#abort = undefined
    return !this.#isDropped
  }

  #onStart(abort: Abort): boolean {
    this.#abort = abort
    if (this.#aborted) abort(this.#aborted)
    return this.#aborted === undefined
  }
}
