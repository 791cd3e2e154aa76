import pRetry from 'p-retry'
import type { Endpoint } from '../balance/balancer.ts'
import { startTimer, type Clock } from '../clock.ts'
import { NoInstanceError, timeoutError, type OutriggerError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import type { AcquireRequest, Fleet } from '../fleet/fleet.ts'
import type { Emitter } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import type { Discovery } from '../registry/discovery.ts'
import type { Budget } from '../retry/budget.ts'
import { backoffDelay } from '../retry/policy.ts'
import type { CallView, Operation, Sending, Tried } from './operation.ts'

/** What every call of one client shares. */
export interface Core {
  readonly service: string
  readonly clock: Clock
  readonly fleet: Fleet
  readonly discovery: Discovery
  /** Calls waiting for the first snapshot. */
  readonly waiting: Set<() => void>
  /** Why no further call is taken. */
  closed: OutriggerError | undefined
  readonly budget: Budget
  readonly events: Emitter<ClientEvents>
}

/** What p-retry needs thrown to go round again. */
class Again<T> extends Error {
  readonly tried: Tried<T>

  constructor(tried: Tried<T>) {
    super('the attempt failed')
    this.tried = tried
  }
}

/** Runs an operation: one or more attempts under one deadline. */
export function execute<T>(core: Core, operation: Operation<T>): Promise<T> {
  return new Call(core, operation).run()
}

/** One logical request. A deadline or an abort always wins, promptly, whatever it is waiting for. */
class Call<T> implements AcquireRequest, CallView {
  now = 0
  all: readonly LiveEndpoint[] | undefined = undefined
  attempt = 0
  ended = false

  readonly #core: Core
  readonly #operation: Operation<T>
  #tried: LiveEndpoint | Set<Endpoint> | undefined
  #current: { readonly attempt: Attempt; readonly sending: Sending<T> } | undefined
  #controller: AbortController | undefined
  #cancelDeadline: (() => void) | undefined
  #waiter: (() => void) | undefined
  #reject: ((reason: unknown) => void) | undefined
  readonly #onAbort = (): void => this.#end(this.#operation.signal?.reason, 'ignored')

  constructor(core: Core, operation: Operation<T>) {
    this.#core = core
    this.#operation = operation
  }

  get route(): string | undefined {
    return this.#operation.plan.route?.key
  }

  get method(): string | undefined {
    return this.#operation.method
  }

  get path(): string | undefined {
    return this.#operation.path
  }

  random(): number {
    return this.#core.clock.random()
  }

  header(name: string): string | undefined {
    return this.#operation.header?.(name)
  }

  excluded(endpoint: Endpoint): boolean {
    return this.#tried instanceof Set ? this.#tried.has(endpoint) : this.#tried === endpoint
  }

  run(): Promise<T> {
    const { signal, plan } = this.#operation
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject
      signal?.addEventListener('abort', this.#onAbort, { once: true })
      const { total } = plan.timeout
      if (total < Infinity) this.#cancelDeadline = startTimer(this.#core.clock, total, () => this.#expire())
      this.#attempts().then(
        (value) => {
          if (this.#finish()) resolve(value)
          else this.#operation.discard(value)
        },
        (error: unknown) => {
          if (this.#finish()) reject(error)
        },
      )
    })
  }

  /** Lets go of everything the call was waiting on; false if that was done before. */
  #finish(): boolean {
    if (this.ended) return false
    this.ended = true
    this.#cancelDeadline?.()
    this.#operation.signal?.removeEventListener('abort', this.#onAbort)
    if (this.#waiter) this.#core.waiting.delete(this.#waiter)
    return true
  }

  /** The deadline has passed. */
  #expire(): void {
    const { discovery, service } = this.#core
    const { total } = this.#operation.plan.timeout
    if (!discovery.seen) {
      const { error: cause } = discovery
      this.#end(
        new NoInstanceError(`no instances of ${service} became known within ${total} ms`, { cause }),
        'ignored',
      )
      return
    }
    // A try that had most of the time is to blame for its loss; one that was started late is not.
    const blamed = this.#current && this.#current.attempt.age() >= total / 2
    this.#end(timeoutError(`no answer from ${service} within ${total} ms`), blamed ? 'failure' : 'ignored')
  }

  #end(reason: unknown, outcome: 'failure' | 'ignored'): void {
    if (!this.#finish()) return
    if (this.#current) this.#stop(this.#current, reason, outcome)
    this.#controller?.abort(reason)
    this.#reject?.(reason)
  }

  #stop(
    current: { attempt: Attempt; sending: Sending<T> },
    reason: unknown,
    outcome: 'failure' | 'ignored',
  ): void {
    const { attempt, sending } = current
    attempt.error ??= reason
    attempt.settle(outcome, attempt.age(), outcome === 'failure' && !sending.sent)
    sending.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }))
  }

  async #attempts(): Promise<T> {
    const { discovery, budget } = this.#core
    if (!discovery.seen) await this.#firstSnapshot()
    budget.deposit()
    const attempt = this.#acquire()
    if (!attempt) throw this.#refused()
    const first = await this.#try(attempt)
    return this.#unwrap(this.#again(first) ? await this.#retry(first) : first)
  }

  /** Not `discovery.ready`: a promise that is long pending would keep every call that gave up on it. */
  #firstSnapshot(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiter = resolve
      this.#core.waiting.add(resolve)
    })
  }

  #acquire(): Attempt | undefined {
    if (this.ended) return undefined
    this.attempt++
    return this.#core.fleet.acquire(this, this.#operation.plan.guard)
  }

  #refused(): Error {
    const { closed, fleet, discovery, events, service, clock } = this.#core
    const error = closed ?? fleet.refusal(this.#operation.plan.guard, discovery.error)
    if (events.has('call:rejected')) {
      const at = clock.now() + (clock.epoch ?? 0)
      const { route } = this
      events.emit('call:rejected', { service, at, error, ...(route !== undefined && { route }) })
    }
    return error
  }

  #unwrap(tried: Tried<T>): T {
    if (tried.ok) return tried.value
    throw tried.error
  }

  /** One try, bounded by its own timeout. Resolves however it ends. */
  #try(attempt: Attempt): Promise<Tried<T>> {
    const { plan } = this.#operation
    return new Promise((resolve) => {
      const sending = this.#operation.send(attempt, this)
      const current = { attempt, sending }
      this.#current = current
      let over = false
      const finish = (tried: Tried<T>): void => {
        over = true
        cancel?.()
        if (this.#current === current) this.#current = undefined
        resolve(tried)
      }
      const cancel =
        plan.timeout.attempt < Infinity
          ? startTimer(this.#core.clock, plan.timeout.attempt, () => {
              const error = timeoutError(
                `${attempt.instance.id} did not answer within ${plan.timeout.attempt} ms`,
              )
              const { sent } = sending
              this.#stop(current, error, 'failure')
              finish({ ok: false, attempt, sent, error })
            })
          : undefined
      sending.result.then(
        (value) => {
          if (over) this.#operation.discard(value)
          else finish({ ok: true, attempt, sent: true, value })
        },
        (error: unknown) => {
          if (!over) finish({ ok: false, attempt, sent: sending.sent, error })
        },
      )
    })
  }

  /** Whether another try follows; if so it is paid for. */
  #again(tried: Tried<T>): boolean {
    const { plan, replayable } = this.#operation
    const { outcome } = tried.attempt
    return (
      !this.ended &&
      plan.retry !== undefined &&
      this.attempt < plan.retry.attempts &&
      replayable &&
      (outcome === 'failure' || outcome === 'overload') &&
      this.#operation.retryable(tried) &&
      this.#core.budget.withdraw()
    )
  }

  /** p-retry runs the loop; the last answer comes out of it as it is, good or bad. */
  async #retry(first: Tried<T>): Promise<Tried<T>> {
    let last = first
    return pRetry(
      async (round) => {
        if (round > 1) {
          const next = await this.#next(last)
          if (!next || !this.#again(next)) return next ?? last
          last = next
        }
        throw new Again(last)
      },
      { retries: Infinity, minTimeout: 0, onFailedAttempt: () => this.#backoff(last) },
    )
  }

  /** The try after `last`, on another endpoint if there is one; undefined when nobody will take it. */
  async #next(last: Tried<T>): Promise<Tried<T> | undefined> {
    const { endpoint } = last.attempt
    if (this.#tried === undefined) this.#tried = endpoint
    else
      this.#tried = (this.#tried instanceof Set ? this.#tried : new Set<Endpoint>([this.#tried])).add(
        endpoint,
      )
    const attempt = this.#acquire()
    if (!attempt) return undefined
    if (last.ok) this.#operation.discard(last.value)
    return this.#try(attempt)
  }

  async #backoff(tried: Tried<T>): Promise<void> {
    const { clock, events, service } = this.#core
    const { retry } = this.#operation.plan
    if (!retry) return
    const delay = backoffDelay(retry, this.attempt, clock.random())
    const { attempt } = tried
    const { route } = this
    if (events.has('call:retry')) {
      events.emit('call:retry', {
        service,
        at: clock.now() + (clock.epoch ?? 0),
        instance: attempt.instance,
        attempt: attempt.number,
        delay,
        ...(route !== undefined && { route }),
        ...(attempt.status !== undefined && { status: attempt.status }),
        ...(attempt.error !== undefined && { error: attempt.error }),
      })
    }
    this.#controller ??= new AbortController()
    await clock.sleep(delay, this.#controller.signal)
  }
}
