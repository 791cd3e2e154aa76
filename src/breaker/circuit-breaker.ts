import { systemClock, type Clock } from '../clock.ts'
import type { Emitter, Listener } from '../observe/emitter.ts'
import type { BreakerState } from '../observe/events.ts'
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
import { Breaker } from './breaker.ts'
import { CallCounter } from './call-counter.ts'
import { breakerOptionNames, breakerPolicy, type BreakerPolicy } from './policy.ts'
import { checkBreakerEvent, Publisher } from './publisher.ts'
import { Refusals } from './refusals.ts'
import { begin, run, runUntil, runWithin, type TimeLimit } from './run.ts'
import { checkState, saveState } from './saved-state.ts'
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
import { wrapped } from './wrap.ts'

/**
 * A standalone circuit breaker around any function.
 *
 * @example
 * const breaker = new CircuitBreaker({ failureThreshold: 5, openFor: 60_000 })
 * breaker.on('open', (event) => console.warn('open for', event.openFor, 'ms'))
 * const rows = await breaker.execute(({ signal }) => query('select 1', { signal }))
 */
export class CircuitBreaker {
  readonly #breaker: Breaker
  readonly #clock: Clock
  readonly #counter: CallCounter
  readonly #refusals: Refusals
  readonly #name: string | undefined
  readonly #limit: TimeLimit | undefined
  #policy: BreakerPolicy
  #enabled: boolean
  /** Created with the first listener, as it needs more memory than everything else. */
  #publisher: Publisher | undefined

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
    this.#clock = clock
    this.#name = name
    const ms = checkNumber('breaker.timeout', timeout, { exclusive: true })
    this.#limit = ms < Infinity ? { ms, name: name ?? 'the call' } : undefined
    checkBoolean('breaker.enabled', enabled)
    this.#enabled = enabled
    this.#policy = breakerPolicy(policy)
    this.#breaker = new Breaker(this.#policy, clock, (transition) => {
      this.#refusals.transitioned(transition)
      this.#publisher?.transition(transition, this.#counter.lastError)
    })
    this.#counter = new CallCounter(this.#breaker, clock, classify)
    this.#refusals = new Refusals(name, this.#breaker)
  }

  /** The current state. It is `'half-open'` as soon as the next call may be a probe. */
  get state(): BreakerState {
    return this.#breaker.state
  }

  get name(): string | undefined {
    return this.#name
  }

  /** True while the breaker is open until `reset()`. */
  get isolated(): boolean {
    return this.#breaker.isIsolated
  }

  /** False if calls pass without being counted. */
  get enabled(): boolean {
    return this.#enabled
  }

  set enabled(on: boolean) {
    checkBoolean('breaker.enabled', on)
    this.#enabled = on
  }

  /** True if the breaker refuses nothing and only reports in its events what it would do. */
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
      refused: this.#refusals.total,
      ...(retryAfter < Infinity && { retryAfter }),
    }
  }

  /** Returns the state for `restore()`, for example in a later process: closed, isolated, or open for the remaining time. */
  toJSON(): CircuitBreakerState {
    return saveState(this.#breaker, this.#clock.now())
  }

  /** Sets the state that `toJSON()` returned. */
  restore(state: CircuitBreakerState): void {
    const target = checkState(state)
    if (target === 'closed') this.reset()
    else if (target === 'isolated') this.isolate()
    else {
      this.open(target.openFor)
      this.#breaker.restoreGrowth(target.growth)
    }
  }

  /**
   * Returns the same function behind this breaker. `this` is passed on. With `context: 'first'`, the function also gets the
   * signal that aborts after `timeout`.
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
    return wrapped((call) => this.execute(call), fn, options)
  }

  /**
   * Runs `fn` and counts how it ended. Rejects with the error of `fn`, with a {@link CircuitOpenError} if the call is refused,
   * and with `signal.reason` once the signal has aborted.
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
    if (!this.#enabled) return begin(fn, signal)
    const start = this.#breaker.beginsUntimed ? 0 : this.#clock.now()
    const permit = this.#breaker.tryAcquire(start)
    // This is not an async function: its throw would cost a third more, and refusals are frequent when a service is down.
    if (permit === 0)
      return Promise.reject(this.#refusals.error(this.#refuse(start), this.#counter.lastError))
    const counter = this.#counter
    if (this.#limit) return runWithin(fn, this.#limit, signal, counter, permit, start)
    return signal ? runUntil(fn, signal, counter, permit, start) : run(fn, counter, permit, start)
  }

  /**
   * Returns a permit to settle, for anything that is not a function call, or undefined if refused. Disposing the permit settles
   * it as ignored.
   */
  tryAcquire(): Permit | undefined {
    const start = this.#clock.now()
    let permit = this.#breaker.tryAcquire(start)
    if (permit === 0) {
      this.#refuse(start)
      return undefined
    }
    const settle: Permit['settle'] = (outcome, ms) => {
      if (!isOutcome(outcome)) {
        const known = "'success', 'failure', 'overload' or 'ignored'"
        throw new TypeError(`settle()'s outcome must be ${known}, got ${quote(outcome)}`)
      }
      if (ms !== undefined) checkNumber("settle()'s ms", ms)
      const once = permit
      permit = 0
      this.#counter.settle(once, outcome, start, ms)
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

  /** Without `listener`, removes all listeners of that name. */
  off<Name extends CircuitBreakerEventName>(
    name: Name,
    listener?: Listener<CircuitBreakerEvents[Name]>,
  ): this {
    this.#listeners(name).off(name, listener)
    return this
  }

  /** Same as `on`, for `once()` and `on()` of `node:events`. */
  addListener<Name extends CircuitBreakerEventName>(
    name: Name,
    listener: Listener<CircuitBreakerEvents[Name]>,
  ): this {
    return this.on(name, listener)
  }

  /** Same as `off` with a listener. */
  removeListener<Name extends CircuitBreakerEventName>(
    name: Name,
    listener: Listener<CircuitBreakerEvents[Name]>,
  ): this {
    return this.off(name, listener)
  }

  /** Opens the breaker for `ms` milliseconds, or for its usual open time. Then it recovers as usual. */
  open(ms?: number): void {
    const now = this.#clock.now()
    const rule = { exclusive: true, max: Number.MAX_SAFE_INTEGER }
    const openFor = ms === undefined ? this.#breaker.usualOpenTime(now) : checkNumber('open().ms', ms, rule)
    this.#breaker.force(now, openFor, 'by-hand')
  }

  /** Opens the breaker until `reset()`. */
  isolate(): void {
    this.#breaker.isolate()
  }

  /** Closes the breaker and forgets everything. */
  reset(): void {
    this.#breaker.reset()
  }

  #listeners(name: CircuitBreakerEventName): Emitter<CircuitBreakerEvents> {
    checkBreakerEvent(name)
    this.#publisher ??= new Publisher(this.#clock, this.#name)
    return this.#publisher.listeners
  }

  /** Counts and publishes a refusal. Returns the milliseconds until a call may be admitted. */
  #refuse(now: number): number {
    const retryAfter = this.#refusals.count(now)
    this.#publisher?.refused(retryAfter)
    return retryAfter
  }
}

/** Checks the arguments before a permit is taken: an error of the caller tells nothing about the called function. */
function checkCall(fn: unknown, options: ExecuteOptions | undefined): AbortSignal | undefined {
  checkFunction("execute()'s first argument", fn)
  if (options === undefined) return undefined
  checkObject("execute()'s options", options, ['signal'])
  return checkSignal(options.signal)
}
