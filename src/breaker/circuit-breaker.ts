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
  readonly #counter: CallCounter
  readonly #refusals: Refusals
  readonly #name: string | undefined
  readonly #limit: TimeLimit | undefined
  #policy: BreakerPolicy
  #enabled: boolean
  /** Made with the first listener: it needs more memory than all the rest. */
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
      refused: this.#refusals.total,
      ...(retryAfter < Infinity && { retryAfter }),
    }
  }

  /** What `restore()` of a later process takes: open for as long as it is, isolated, or closed. */
  toJSON(): CircuitBreakerState {
    return saveState(this.#breaker, this.#clock.now())
  }

  /** Takes the state that `toJSON()` gave. */
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
    return wrapped((call) => this.execute(call), fn, options)
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
    if (!this.#enabled) return begin(fn, signal)
    const start = this.#breaker.beginsUntimed ? 0 : this.#clock.now()
    const permit = this.#breaker.tryAcquire(start)
    // Not thrown: an async function's throw costs a third more, and refusals are hot when a service is down.
    if (permit === 0)
      return Promise.reject(this.#refusals.error(this.#refuse(start), this.#counter.lastError))
    const counter = this.#counter
    if (this.#limit) return runWithin(fn, this.#limit, signal, counter, permit, start)
    return signal ? runUntil(fn, signal, counter, permit, start) : run(fn, counter, permit, start)
  }

  /** For what is not a function call: a permit to settle, or undefined when refused. Dispose gives it back. */
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
        throw new TypeError(`a permit is settled with ${known}, got ${quote(outcome)}`)
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
    checkBreakerEvent(name)
    this.#publisher ??= new Publisher(this.#clock, this.#name)
    return this.#publisher.listeners
  }

  /** Counts and publishes a refusal. Returns the ms until a call may be let through. */
  #refuse(now: number): number {
    const retryAfter = this.#refusals.count(now)
    this.#publisher?.refused(retryAfter)
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
