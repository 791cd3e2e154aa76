import { startTimer } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import { isTimeLimit } from '../verdict/time-limit.ts'
import type { CallCounter } from './call-counter.ts'
import type { ExecuteContext } from './standalone-types.ts'

/** The user function that a breaker guards. */
export type Guarded<T> = (context: ExecuteContext) => T | PromiseLike<T>

/** The maximum duration of a function. */
export interface TimeLimit {
  readonly ms: number
  /** The name of the function in the error message. */
  readonly name: string
}

/** Calls the function. An error that it throws becomes a rejection. */
export function begin<T>(fn: Guarded<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return Promise.resolve(fn(new LazyContext(signal)))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Runs the function and counts its result. It is not async, because an async function costs a third more. */
export function run<T>(fn: Guarded<T>, counter: CallCounter, permit: number, start: number): Promise<T> {
  return begin(fn, undefined).then(
    (value) => {
      counter.fulfilled(permit, value, start)
      return value
    },
    (error: unknown) => {
      counter.rejected(permit, error, start)
      throw error
    },
  )
}

/**
 * Runs the function until the signal aborts. Then the promise rejects, even if the function goes on. It rejects after the end was
 * counted, so the caller's next call sees the new state of the breaker. `own` is the timeout signal of the breaker: if a result
 * came before the timeout and is only read after it, the caller gets the result. If the caller's own signal has aborted, such a
 * result only counts.
 */
export function runUntil<T>(
  fn: Guarded<T>,
  signal: AbortSignal,
  counter: CallCounter,
  permit: number,
  start: number,
  own?: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let isSettled = false
    const once = (count: () => void): void => {
      if (isSettled) return
      isSettled = true
      count()
    }
    const onAbort = (): void => {
      const outcome = isTimeLimit(signal.reason) ? 'failure' : 'ignored'
      const settle = (): void => {
        once(() => counter.settle(permit, outcome, start))
        reject(signal.reason)
      }
      // If this process was blocked, a result that came in time may not have been read yet.
      const { clock } = counter
      if (outcome === 'failure' && clock.poll) clock.poll(settle)
      else settle()
    }
    const end = (result: PromiseSettledResult<T>, tell: () => void): void => {
      signal.removeEventListener('abort', onAbort)
      // An error after the abort has no effect: the abort counts, and the promise rejects with its reason.
      if (result.status === 'rejected' && signal.aborted) return
      try {
        once(() => counter.count(permit, result, start))
        tell()
      } catch (error) {
        reject(error)
      }
    }
    signal.addEventListener('abort', onAbort, { once: true })
    begin(fn, signal).then(
      (value) =>
        end({ status: 'fulfilled', value }, () =>
          signal.aborted && !own?.aborted ? reject(signal.reason) : resolve(value),
        ),
      (error: unknown) => end({ status: 'rejected', reason: error }, () => reject(error)),
    )
  })
}

/**
 * Runs the function with a timeout. After that its signal aborts, and the promise rejects with a `TimeoutError` without waiting
 * for the function.
 */
export function runWithin<T>(
  fn: Guarded<T>,
  { ms, name }: TimeLimit,
  signal: AbortSignal | undefined,
  counter: CallCounter,
  permit: number,
  start: number,
): Promise<T> {
  const late = new AbortController()
  const both = signal ? AbortSignal.any([signal, late.signal]) : late.signal
  const cancel = startTimer(counter.clock, ms, () => {
    const error = timeoutError(`${name} took longer than ${ms} ms`)
    counter.lastError = error
    late.abort(error)
  })
  return runUntil(fn, both, counter, permit, start, late.signal).finally(cancel)
}

/** Creates its signal when it is first read. A controller for each call would be most of a call's cost. */
class LazyContext implements ExecuteContext {
  #signal: AbortSignal | undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal)
  }
}
