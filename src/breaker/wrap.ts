import { checkFunction, checkObject, quote } from '../options.ts'
import type { Guarded } from './run.ts'

/** Implements `CircuitBreaker.wrap()`: returns `fn` with each call run by `execute`. `this` and the arguments are passed on. */
export function wrapped(
  execute: (run: Guarded<unknown>) => Promise<unknown>,
  fn: (this: never, ...args: never[]) => unknown,
  options: { readonly context?: 'first' | undefined },
): (...args: unknown[]) => Promise<unknown> {
  checkFunction("wrap()'s argument", fn)
  checkObject("wrap()'s options", options, ['context'])
  const { context } = options
  if (context !== undefined && context !== 'first') {
    throw new TypeError(`wrap()'s context must be 'first', got ${quote(context)}`)
  }
  return function wrapped(this: unknown, ...args) {
    return execute((given) => Reflect.apply(fn, this, context === 'first' ? [given, ...args] : args))
  }
}
