import { startTimer, systemClock, type Clock } from '../clock.ts'
import { CircuitOpenError, timeoutError, withoutStack } from '../errors.ts'
import { Emitter, type Listener } from '../observe/emitter.ts'
import type { BreakerCounts, BreakerState, Outcome } from '../observe/events.ts'
import { isOutcome } from '../observe/outcome.ts'
import {
  checkBoolean,
  checkFunction,
  checkMethods,
  checkNumber,
  checkObject,
  checkSignal,
  quote,
} from '../options.ts'
import { isTimeLimit } from '../verdict/limit.ts'
import { Breaker } from './breaker.ts'
import { breakerOptionNames, breakerPolicy, type BreakerPolicy } from './policy.ts'
import { counted, isAnswer } from './result.ts'
import type {
  CircuitBreakerEventName,
  CircuitBreakerEvents,
  CircuitBreakerOptions,
  CircuitBreakerSnapshot,
  CircuitBreakerState,
  ExecuteContext,
  ExecuteOptions,
  Permit,
  WrapOptions,
} from './standalone-types.ts'
import type { Transition } from './transition.ts'

/** Of what `restore()` takes: a `factor` that is applied more often makes no difference. */
const MAX_GROWTH = 1_000
const EVENT = { open: 'open', 'half-open': 'half-open', closed: 'close' } as const
/** `once()` and `on()` of `node:events` listen to 'error' besides; it is never emitted. */
const EVENT_NAMES: readonly string[] = [...Object.values(EVENT), 'refused', 'error']

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
  readonly #name: string | undefined
  readonly #timeout: number
  #policy: BreakerPolicy
  #enabled: boolean
  #refused = 0
  /** What a call failed with last. */
  #lastError: unknown
  /** What had been counted when calls opened it. */
  #counts: BreakerCounts | undefined
  /** Made with the first listener: most of a breaker's memory otherwise. */
  #emitter: Emitter<CircuitBreakerEvents> | undefined

  constructor(options: CircuitBreakerOptions = {}) {
    checkObject('breaker', options, [
      ...breakerOptionNames,
      'classify',
      'clock',
      'name',
      'timeout',
      'enabled',
    ])
    const { classify, clock = systemClock, name, timeout = Infinity, enabled = true, ...policy } = options
    if (name !== undefined && typeof name !== 'string')
      throw new TypeError(`breaker.name must be a string, got ${quote(name)}`)
    if (classify !== undefined) checkFunction('breaker.classify', classify)
    checkMethods('breaker.clock', clock, ['now', 'random'])
    this.#classify = classify
    this.#clock = clock
    this.#name = name
    this.#timeout = checkNumber('breaker.timeout', timeout, { exclusive: true })
    checkBoolean('breaker.enabled', enabled)
    this.#enabled = enabled
    this.#policy = breakerPolicy(policy)
    this.#breaker = new Breaker(this.#policy, clock, (transition) => this.#publish(transition))
  }

  /** `'half-open'` as soon as the next call may be a probe. */
  get state(): BreakerState {
    return this.#breaker.state
  }

  get name(): string | undefined {
    return this.#name
  }

  /** Open until `reset()`, whatever the time. */
  get isolated(): boolean {
    return this.#breaker.isIsolated
  }

  /** False: calls pass and are not counted. */
  get enabled(): boolean {
    return this.#enabled
  }

  set enabled(on: boolean) {
    checkBoolean('breaker.enabled', on)
    this.#enabled = on
  }

  /** True: reports in its events what it would do, and refuses nothing. */
  get dryRun(): boolean {
    return this.#policy.dryRun
  }

  set dryRun(on: boolean) {
    checkBoolean('breaker.dryRun', on)
    this.#policy = Object.freeze({ ...this.#policy, dryRun: on })
    this.#breaker.adopt(this.#policy)
  }

  snapshot(): CircuitBreakerSnapshot {
    const { state, isolated, enabled, dryRun } = this
    const now = this.#clock.now()
    const retryAfter = this.#breaker.nextAdmit(now) - now
    return {
      ...(this.#name !== undefined && { name: this.#name }),
      state,
      isolated,
      enabled,
      dryRun,
      counts: this.#breaker.counts(now),
      refused: this.#refused,
      ...(retryAfter < Infinity && { retryAfter }),
    }
  }

  /** What `restore()` of a later process takes: open for as long as it is, isolated, or closed. */
  toJSON(): CircuitBreakerState {
    if (this.isolated) return { state: 'isolated' }
    if (this.state === 'closed') return { state: 'closed' }
    const now = this.#clock.now()
    const retryAfter = this.#breaker.nextAdmit(now) - now
    // A probe that hangs is this process's: another one may probe at once.
    const { growth } = this.#breaker
    const state = { state: 'open', retryAfter: retryAfter === Infinity ? 0 : retryAfter } as const
    return growth > 0 ? { ...state, growth } : state
  }

  /** Takes the state that `toJSON()` gave. */
  restore(state: CircuitBreakerState): void {
    checkObject('restore()', state, ['state', 'retryAfter', 'growth'])
    if (state.state === 'closed') this.reset()
    else if (state.state === 'isolated') this.isolate()
    else if (state.state === 'open') {
      const retryAfter = checkNumber('restore().retryAfter', state.retryAfter)
      const growth = checkNumber('restore().growth', state.growth ?? 0, { integer: true, max: MAX_GROWTH })
      this.open(Math.max(retryAfter, 1))
      this.#breaker.growth = growth
    } else
      throw new TypeError(
        `restore() takes 'closed', 'open' or 'isolated', got ${quote((state as { state?: unknown }).state)}`,
      )
  }

  /**
   * The same function behind this breaker; `this` is handed on. With `context: 'first'`, it also has the signal that aborts when
   * `timeout` is over.
   *
   * @example
   * const find = breaker.wrap((id: number) => db.find(id))
   * const load = breaker.wrap(({ signal }, url: string) => fetch(url, { signal }), { context: 'first' })
   */
  wrap<This, Args extends unknown[], T>(
    fn: (this: This, ...args: Args) => T | PromiseLike<T>,
    options?: { readonly context?: undefined },
  ): (this: This, ...args: Args) => Promise<T>
  wrap<This, Args extends unknown[], T>(
    fn: (this: This, context: ExecuteContext, ...args: Args) => T | PromiseLike<T>,
    options: WrapOptions,
  ): (this: This, ...args: Args) => Promise<T>
  wrap(
    fn: (this: never, ...args: never[]) => unknown,
    options: { readonly context?: 'first' | undefined } = {},
  ): (...args: unknown[]) => Promise<unknown> {
    checkFunction("wrap()'s argument", fn)
    checkObject("wrap()'s options", options, ['context'])
    const { context } = options
    if (context !== undefined && context !== 'first') {
      throw new TypeError(`wrap()'s context must be 'first', got ${quote(context)}`)
    }
    const run = (call: (given: ExecuteContext) => unknown): Promise<unknown> => this.execute(call)
    const before = (given: ExecuteContext): unknown[] => (context === 'first' ? [given] : [])
    return function wrapped(this: unknown, ...args) {
      return run((given) => Reflect.apply(fn, this, [...before(given), ...args]))
    }
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
    if (!this.#enabled) return started(fn, signal)
    const start = this.#breaker.beginsUntimed ? 0 : this.#clock.now()
    const permit = this.#breaker.tryAcquire(start)
    // Not thrown: an async function's throw costs a third more, and refusals are hot when a service is down.
    if (permit === 0) return Promise.reject(this.#refusal(start))
    if (this.#timeout < Infinity) return this.#runWithin(fn, signal, permit, start)
    return signal ? this.#runUntil(fn, signal, permit, start) : this.#run(fn, permit, start)
  }

  /** For what is not a function call: a permit to settle, or undefined when refused. Dispose gives it back. */
  tryAcquire(): Permit | undefined {
    const start = this.#clock.now()
    let permit = this.#breaker.tryAcquire(start)
    if (permit === 0) {
      this.#countRefusal(start)
      return undefined
    }
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

  on<Name extends CircuitBreakerEventName>(name: Name, listener: Listener<CircuitBreakerEvents[Name]>): this {
    this.#listeners(name).on(name, listener)
    return this
  }

  once<Name extends CircuitBreakerEventName>(
    name: Name,
    listener: Listener<CircuitBreakerEvents[Name]>,
  ): this {
    this.#listeners(name).once(name, listener)
    return this
  }

  /** Without a listener, removes all listeners of that name. */
  off<Name extends CircuitBreakerEventName>(
    name: Name,
    listener?: Listener<CircuitBreakerEvents[Name]>,
  ): this {
    this.#listeners(name).off(name, listener)
    return this
  }

  /** The same as `on`: for `once()` and `on()` of `node:events`. */
  addListener<Name extends CircuitBreakerEventName>(
    name: Name,
    listener: Listener<CircuitBreakerEvents[Name]>,
  ): this {
    return this.on(name, listener)
  }

  /** The same as `off` with a listener. */
  removeListener<Name extends CircuitBreakerEventName>(
    name: Name,
    listener: Listener<CircuitBreakerEvents[Name]>,
  ): this {
    return this.off(name, listener)
  }

  /** Opens it for `ms` milliseconds, or for its usual time; it then recovers as usual. */
  open(ms?: number): void {
    const now = this.#clock.now()
    const rule = { exclusive: true, max: Number.MAX_SAFE_INTEGER }
    const openFor = ms === undefined ? this.#breaker.usualOpenTime(now) : checkNumber('open().ms', ms, rule)
    this.#breaker.force(now, openFor, 'by-hand')
  }

  /** Open until `reset()`, whatever the time. */
  isolate(): void {
    this.#breaker.isolate()
  }

  /** Closed, with nothing remembered. */
  reset(): void {
    this.#breaker.reset()
  }

  #listeners(name: CircuitBreakerEventName): Emitter<CircuitBreakerEvents> {
    if (!EVENT_NAMES.includes(name)) {
      throw new TypeError(`the event must be one of ${EVENT_NAMES.join(', ')}, got ${quote(name)}`)
    }
    return (this.#emitter ??= new Emitter())
  }

  #publish(transition: Transition): void {
    if (transition.to === 'closed') this.#counts = undefined
    else if (transition.counts) this.#counts = transition.counts
    const error = transition.to === 'open' && this.#lastError !== undefined ? { error: this.#lastError } : {}
    this.#emitter?.emit(EVENT[transition.to], { ...transition, ...this.#stamp(), ...error })
  }

  #stamp(): { at: number; name?: string } {
    const at = this.#unixNow()
    return this.#name === undefined ? { at } : { at, name: this.#name }
  }

  #unixNow(): number {
    return this.#clock.now() + (this.#clock.epoch ?? 0)
  }

  #settle(permit: number, outcome: Outcome, start: number, ms?: number, retryAfter = 0): void {
    const now = this.#clock.now()
    this.#breaker.settle(permit, outcome, ms ?? now - start, now, retryAfter)
  }

  /** Not async: that would cost a third more. */
  #run<T>(fn: (context: ExecuteContext) => T | PromiseLike<T>, permit: number, start: number): Promise<T> {
    return started(fn, undefined).then(
      (value) => {
        if (this.#classify || isAnswer(value)) this.#count(permit, { status: 'fulfilled', value }, start)
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

  #count(permit: number, result: PromiseSettledResult<unknown>, start: number): void {
    const { outcome, retryAfter } = counted(result, this.#classify, this.#unixNow())
    if (outcome === 'failure' || outcome === 'overload') {
      this.#lastError = result.status === 'rejected' ? result.reason : result.value
    }
    this.#settle(permit, outcome, start, undefined, retryAfter)
  }

  /** The same within the time limit: the function is told by its signal, and not waited for. */
  #runWithin<T>(
    fn: (context: ExecuteContext) => T | PromiseLike<T>,
    signal: AbortSignal | undefined,
    permit: number,
    start: number,
  ): Promise<T> {
    const late = new AbortController()
    const both = signal ? AbortSignal.any([signal, late.signal]) : late.signal
    const name = this.#name === undefined ? 'the call' : this.#name
    const cancel = startTimer(this.#clock, this.#timeout, () => {
      const error = timeoutError(`${name} took longer than ${this.#timeout} ms`)
      this.#lastError = error
      late.abort(error)
    })
    return this.#runUntil(fn, both, permit, start).finally(cancel)
  }

  #refusal(now: number): CircuitOpenError {
    const retryAfter = this.#countRefusal(now)
    const what = this.#name === undefined ? 'the circuit' : `the circuit of ${this.#name}`
    const cause = this.#lastError
    const counts = this.#counts
    const when = this.isolated ? 'isolated by hand' : 'open'
    return withoutStack(() => new CircuitOpenError(`${what} is ${when}`, retryAfter, { cause, counts }))
  }

  #countRefusal(now: number): number {
    const retryAfter = this.#breaker.nextAdmit(now) - now
    this.#refused++
    if (this.#emitter?.has('refused')) this.#emitter.emit('refused', { ...this.#stamp(), retryAfter })
    return retryAfter
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
