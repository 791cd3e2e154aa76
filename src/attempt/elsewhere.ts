import type { Dispatcher } from '../undici.ts'

type Abort = (reason: Error) => void

/**
 * A request that went to another dispatcher, which we can still end. That one gets a handler of the generation that was
 * given: the platform's own knows no other.
 */
export class Elsewhere {
  readonly handler: Dispatcher.DispatchHandler
  #abort: Abort | undefined
  #aborted: Error | undefined
  #left = false

  constructor(inner: Dispatcher.DispatchHandler) {
    this.handler = new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown =>
          this.#passes(name, args[0]) ? Reflect.apply(value, target, args) : undefined
      },
    })
  }

  abort(reason: Error): void {
    this.#aborted = reason
    this.#abort?.(reason)
  }

  /** Ends what is left of an answer that somebody has gone on from, who hears no more of it. */
  leave(): void {
    this.#left = true
    this.abort(new Error('redirected'))
  }

  /** Whether the inner handler is to hear of it. */
  #passes(name: string | symbol, first: unknown): boolean {
    if (name === 'onConnect') return this.#started(first as Abort)
    if (name === 'onRequestStart') {
      const controller = first as Dispatcher.DispatchController
      return this.#started((reason) => controller.abort(reason))
    }
    if (name === 'onComplete' || name === 'onResponseEnd') this.#abort = undefined
    return !this.#left
  }

  #started(abort: Abort): boolean {
    this.#abort = abort
    if (this.#aborted) abort(this.#aborted)
    return this.#aborted === undefined
  }
}
