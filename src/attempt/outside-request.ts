import type { Dispatcher } from '../undici.ts'

type Abort = (reason: Error) => void

/**
 * A request that went to another dispatcher, which we can still end. That one gets a handler of the generation that was
 * given: the platform's own knows no other.
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

  /** Ends the rest of a redirect's answer. The inner handler hears no more of it. */
  dropRest(): void {
    this.#isDropped = true
    this.abort(new Error('redirected'))
  }

  /** Whether the inner handler is to hear of it. */
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
