import { systemClock, type Clock } from '../clock.ts'
import { CircuitOpenError, OutriggerError, withoutStack } from '../errors.ts'
import { disown } from '../hooks/disown.ts'
import { Emitter, type Listener } from '../observe/emitter.ts'
import type { BreakerState, Outcome } from '../observe/events.ts'
import { isOutcome } from '../observe/outcome.ts'
import { warnOnce } from '../observe/warn-once.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, checkSignal, quote } from '../options.ts'
import { isTimeLimit } from '../verdict/limit.ts'
import { Breaker } from './breaker.ts'
import { breakerOptionNames, breakerPolicy, type BreakerOptions } from './policy.ts'
import type { Transition } from './transition.ts'

export interface CircuitBreakerOptions extends BreakerOptions {
  /**
   * How a settled call counts, or undefined for the default: a fulfilled one is a `'success'`, a rejected one a
   * `'failure'`, a refusal by Outrigger `'ignored'`. Not asked when the caller's signal aborted. What is
   * no outcome is warned of, and the default used.
   */
  readonly classify?: (result: PromiseSettledResult<unknown>) => Outcome | undefined
  /** @default the system's monotonic clock */
  readonly clock?: Clock
}

export interface CircuitBreakerEvent extends Transition {
  /** Unix milliseconds (on an injected clock: its `now() + epoch`). */
  readonly at: number
}

export type CircuitBreakerEventName = 'open' | 'half-open' | 'close'

export interface ExecuteOptions {
  /**
   * The caller's own signal, handed to the function. The call ends as soon as it aborts, even if the function goes on.
   * A `TimeoutError`, as of `AbortSignal.timeout()`, counts as a failure; any other reason is not counted.
   */
  readonly signal?: AbortSignal | undefined
}

export interface ExecuteContext {
  /** The caller's signal, or one that never aborts. */
  readonly signal: AbortSignal
}

/** One admitted try. Settled once; what comes later is not counted. */
export interface Permit extends Disposable {
  /** `ms` is how long it took, by default the time since it was acquired. What throws settles nothing. */
  settle(outcome: Outcome, ms?: number): void
}

const EVENT = { open: 'open', 'half-open': 'half-open', closed: 'close' } as const
const EVENT_NAMES: readonly string[] = Object.values(EVENT)

/**
 * A circuit breaker on its own, around any function.
 *
 * @example
 * const breaker = new CircuitBreaker({ failureThreshold: 5, openFor: 60_000 })
 * breaker.on('open', (event) => console.warn('open for', event.openFor, 'ms'))
 * const rows = await breaker.execute(({ signal }) => query('select 1', { signal }))
 */
export class CircuitBreaker {
  readonly #breaker: Breaker
  readonly #clock: Clock
  readonly #classify: CircuitBreakerOptions['classify']
  /** Made with the first listener: most of a breaker's memory otherwise. */
  #emitter: Emitter<Record<CircuitBreakerEventName, CircuitBreakerEvent>> | undefined

  constructor(options: CircuitBreakerOptions = {}) {
    checkObject('breaker', options, [...breakerOptionNames, 'classify', 'clock'])
    const { classify, clock = systemClock, ...policy } = options
    if (classify !== undefined) checkFunction('breaker.classify', classify)
    checkMethods('breaker.clock', clock, ['now', 'random'])
    this.#classify = classify
    this.#clock = clock
    this.#breaker = new Breaker(breakerPolicy(policy), clock, (transition) => this.#publish(transition))
  }

  /** `'half-open'` as soon as the next call may be a probe. */
  get state(): BreakerState {
    return this.#breaker.state
  }

  /**
   * Runs `fn` and counts how it ended; rethrows its own error.
   * Rejects with a {@link CircuitOpenError} when refused, and with `signal.reason` once that has aborted.
   */
  execute<T>(fn: (context: ExecuteContext) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<T> {
    let signal: AbortSignal | undefined
    if (options !== undefined || typeof fn !== 'function') {
      try {
        signal = checkCall(fn, options)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    if (signal?.aborted) return Promise.reject(signal.reason)
    const start = this.#breaker.beginsUntimed ? 0 : this.#clock.now()
    const permit = this.#breaker.tryAcquire(start)
    // Not thrown: an async function's throw costs a third more, and refusals are hot when a service is down.
    if (permit === 0) return Promise.reject(this.#refusal(start))
    return signal ? this.#runUntil(fn, signal, permit, start) : this.#run(fn, permit, start)
  }

  /** For what is not a function call: a permit to settle, or undefined when refused. Dispose gives it back. */
  tryAcquire(): Permit | undefined {
    const start = this.#clock.now()
    let permit = this.#breaker.tryAcquire(start)
    if (permit === 0) return undefined
    const settle: Permit['settle'] = (outcome, ms) => {
      if (!isOutcome(outcome)) {
        const known = "'success', 'failure', 'overload' or 'ignored'"
        throw new TypeError(`a permit is settled with ${known}, got ${quote(outcome)}`)
      }
      if (ms !== undefined) checkNumber("settle()'s ms", ms)
      const once = permit
      permit = 0
      this.#settle(once, outcome, start, ms)
    }
    return { settle, [Symbol.dispose]: () => settle('ignored') }
  }

  on(name: CircuitBreakerEventName, listener: Listener<CircuitBreakerEvent>): this {
    this.#listeners(name).on(name, listener)
    return this
  }

  once(name: CircuitBreakerEventName, listener: Listener<CircuitBreakerEvent>): this {
    this.#listeners(name).once(name, listener)
    return this
  }

  /** Without a listener, removes all listeners of that name. */
  off(name: CircuitBreakerEventName, listener?: Listener<CircuitBreakerEvent>): this {
    this.#listeners(name).off(name, listener)
    return this
  }

  /** Open until `reset()`, whatever the time. */
  isolate(): void {
    this.#breaker.isolate()
  }

  /** Closed, with nothing remembered. */
  reset(): void {
    this.#breaker.reset()
  }

  #listeners(name: CircuitBreakerEventName): Emitter<Record<CircuitBreakerEventName, CircuitBreakerEvent>> {
    if (!EVENT_NAMES.includes(name)) {
      throw new TypeError(`the event must be one of ${EVENT_NAMES.join(', ')}, got ${quote(name)}`)
    }
    return (this.#emitter ??= new Emitter())
  }

  #publish(transition: Transition): void {
    const at = this.#clock.now() + (this.#clock.epoch ?? 0)
    this.#emitter?.emit(EVENT[transition.to], { ...transition, at })
  }

  #settle(permit: number, outcome: Outcome, start: number, ms?: number): void {
    const now = this.#clock.now()
    this.#breaker.settle(permit, outcome, ms ?? now - start, now)
  }

  /** Not async: that would cost a third more. */
  #run<T>(fn: (context: ExecuteContext) => T | PromiseLike<T>, permit: number, start: number): Promise<T> {
    return started(fn, undefined).then(
      (value) => {
        if (this.#classify) this.#count(permit, { status: 'fulfilled', value }, start)
        else if (this.#breaker.endsUntimed) this.#breaker.settle(permit, 'success', 0, 0)
        else this.#settle(permit, 'success', start)
        return value
      },
      (error: unknown) => {
        this.#count(permit, { status: 'rejected', reason: error }, start)
        throw error
      },
    )
  }

  /** The same until the signal aborts, whatever the function makes of that. */
  #runUntil<T>(
    fn: (context: ExecuteContext) => T | PromiseLike<T>,
    signal: AbortSignal,
    permit: number,
    start: number,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isSettled = false
      const once = (count: () => void): void => {
        if (isSettled) return
        isSettled = true
        count()
      }
      const onAbort = (): void => {
        reject(signal.reason)
        const outcome = isTimeLimit(signal.reason) ? 'failure' : 'ignored'
        const settle = (): void => once(() => this.#settle(permit, outcome, start))
        // After a stall of this process, an answer that came in time has not been read yet.
        if (outcome === 'failure' && this.#clock.poll) this.#clock.poll(settle)
        else settle()
      }
      const end = (result: PromiseSettledResult<T>, tell: () => void): void => {
        signal.removeEventListener('abort', onAbort)
        try {
          if (result.status === 'fulfilled' || !signal.aborted) once(() => this.#count(permit, result, start))
          tell()
        } catch (error) {
          reject(error)
        }
      }
      signal.addEventListener('abort', onAbort, { once: true })
      started(fn, signal).then(
        (value) => end({ status: 'fulfilled', value }, () => resolve(value)),
        (error: unknown) => end({ status: 'rejected', reason: error }, () => reject(error)),
      )
    })
  }

  /** A `classify` that throws is the caller's to see, but must not keep the permit. */
  #count(permit: number, result: PromiseSettledResult<unknown>, start: number): void {
    let outcome: Outcome = 'ignored'
    try {
      outcome = (this.#classify && judged(this.#classify, result)) ?? defaultOutcome(result)
    } finally {
      this.#settle(permit, outcome, start)
    }
  }

  #refusal(now: number): CircuitOpenError {
    const retryAfter = this.#breaker.nextAdmit(now) - now
    return withoutStack(() => new CircuitOpenError('the circuit is open', retryAfter))
  }
}

/** Mistakes of the caller say nothing about what is called: they are found before a permit is taken. */
function checkCall(fn: unknown, options: ExecuteOptions | undefined): AbortSignal | undefined {
  checkFunction("execute()'s first argument", fn)
  if (options === undefined) return undefined
  checkObject("execute()'s options", options, ['signal'])
  return checkSignal(options.signal)
}

function started<T>(
  fn: (context: ExecuteContext) => T | PromiseLike<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    return Promise.resolve(fn(new Context(signal)))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** The controller behind a signal nobody reads would be most of what a call costs. */
class Context implements ExecuteContext {
  #signal: AbortSignal | undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal)
  }
}

/** A verdict that is none, such as a promise, must not make a good probe a bad one. */
function judged(
  classify: NonNullable<CircuitBreakerOptions['classify']>,
  result: PromiseSettledResult<unknown>,
): Outcome | undefined {
  const verdict: unknown = classify(result)
  if (verdict === undefined || isOutcome(verdict)) return verdict
  disown(verdict)
  const text = `classify returned ${quote(verdict)}, which is no outcome; the default is used instead`
  warnOnce(classify, text, 'OUTRIGGER_CLASSIFY')
  return undefined
}

function defaultOutcome(result: PromiseSettledResult<unknown>): Outcome {
  if (result.status === 'fulfilled') return 'success'
  return result.reason instanceof OutriggerError ? 'ignored' : 'failure'
}
