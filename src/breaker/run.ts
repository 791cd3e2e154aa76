import { startTimer } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import { isTimeLimit } from '../verdict/limit.ts'
import type { CallCounter } from './call-counter.ts'
import type { ExecuteContext } from './standalone-types.ts'

/** The user's function that a breaker stands in front of. */
export type Guarded<T> = (context: ExecuteContext) => T | PromiseLike<T>

/** How long a function may take. */
export interface TimeLimit {
  readonly ms: number
  /** What the error says took too long. */
  readonly name: string
}

/** Calls the function. An error that it throws at once becomes a rejection. */
export function begin<T>(fn: Guarded<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return Promise.resolve(fn(new LazyContext(signal)))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Runs the function and counts its result. Not async: an async function costs a third more. */
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
 * Runs the function until the signal aborts. The promise then rejects, even if the function goes on: as soon as the end has been counted, so
 * that the caller's next call meets the breaker as it is then. `own` is the time limit of the breaker: an answer that came before it,
 * and was read after it, is the caller's. Where his own signal has aborted, such an answer only counts.
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
      // After a stall of this process, an answer that came in time has not been read yet.
      const { clock } = counter
      if (outcome === 'failure' && clock.poll) clock.poll(settle)
      else settle()
    }
    const end = (result: PromiseSettledResult<T>, tell: () => void): void => {
      signal.removeEventListener('abort', onAbort)
      // An error that follows the abort changes nothing: the abort is what counts, and what the caller hears.
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
 * Runs the function for a limited time. Then its signal aborts, and the promise rejects with a `TimeoutError` without waiting
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

/** Creates its signal when it is first read: a controller for each call would be most of what a call costs. */
class LazyContext implements ExecuteContext {
  #signal: AbortSignal | undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal)
  }
}
