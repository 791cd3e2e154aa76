import pRetry from 'p-retry'
import type { Clock } from '../clock.ts'
import { notify, warn } from '../hooks/notify.ts'
import { checkMethods, checkNumber, quote } from '../options.ts'
import { bounded } from './bounded.ts'
import type { Instance, Lease, Registrar, SignalContext } from './source.ts'

export interface AnnouncerSettings {
  readonly registrar: Registrar
  readonly service: string
  readonly signal?: AbortSignal | undefined
  readonly onError?: ((error: unknown) => void) | undefined
  readonly onRegistered?: ((instance: Instance) => void) | undefined
  readonly timeout: number
  readonly backoff: (failures: number, clock: Clock) => number
  readonly clock: Clock
}

/** A server's entry in a registry. Heartbeats keep it until `close()`. */
export interface Announcement extends AsyncDisposable {
  readonly instance: Instance
  /** Whether the registry has confirmed the instance within the last ttl. */
  readonly registered: boolean
  /**
   * Stops the heartbeats and releases the lease. Never rejects. Takes at most the timeout for each of the two
   * steps.
   */
  close(): Promise<void>
}

/** Keeps the wanted instance in the registry by heartbeats, until it is closed. */
export class Announcer implements Announcement {
  readonly instance: Instance
  readonly #settings: AnnouncerSettings
  readonly #firstTry = Promise.withResolvers<void>()
  readonly #onAbort = (): void => {
    this.#firstTry.reject(this.#settings.signal?.reason)
    void this.close()
  }
  /** The instance to register. Undefined: nothing for now. */
  #wanted: Instance | undefined
  /** Aborts when another instance, or none, is wanted, and when the announcer is closed. */
  #turn = new AbortController()
  #running: Promise<void> | undefined
  #lease: Lease | undefined
  #confirmed = 0
  #closing: Promise<void> | undefined
  #ended = false

  constructor(settings: AnnouncerSettings, instance: Instance, wanted: Instance | undefined) {
    this.#settings = settings
    this.instance = instance
    this.#wanted = wanted
  }

  /**
   * Resolves after the first try to register, whether it succeeded or failed. Rejects when the signal aborts
   * before.
   */
  start(): Promise<void> {
    this.#settings.signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#running = this.#run().catch(() => {})
    return this.#firstTry.promise
  }

  /**
   * Registers this instance instead of the current one, or removes the current one for now. Retries in the
   * background.
   */
  want(instance: Instance | undefined): void {
    if (this.#ended || instance === this.#wanted) return
    this.#wanted = instance
    this.#nextTurn()
  }

  get registered(): boolean {
    return this.#lease !== undefined && this.#settings.clock.now() - this.#confirmed <= this.#lease.ttl
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #nextTurn(): void {
    const turn = this.#turn
    this.#turn = new AbortController()
    turn.abort()
  }

  async #run(): Promise<void> {
    // The caller waits for the first try, so that try keeps the process alive.
    for (let ref = true; !this.#ended; ref = false) {
      const { signal } = this.#turn
      try {
        await (this.#wanted
          ? this.#keepRegistered(this.#wanted, signal, ref)
          : this.#keepUnregistered(signal))
      } catch (error) {
        if (!signal.aborted) throw error
      }
    }
  }

  /**
   * Registers the instance and renews its lease until the registry has forgotten it. Rejects when `signal`
   * aborts.
   */
  async #keepRegistered(instance: Instance, signal: AbortSignal, ref: boolean): Promise<void> {
    const { clock, timeout } = this.#settings
    let keepsAlive = ref
    // The signal does not cancel this request. It may already have succeeded, and the lease must then be
    // released or replaced.
    const lease = await this.#retryUntilDone(signal, () => {
      const trying = bounded(clock, timeout, (context) => this.#register(instance, context), {
        ref: keepsAlive,
      })
      keepsAlive = false
      return trying
    })
    await this.#renewUntilForgotten(lease, signal)
    this.#lease = undefined
  }

  /** Removes the instance from the registry, and waits until another one is wanted. */
  async #keepUnregistered(signal: AbortSignal): Promise<void> {
    const { clock, timeout } = this.#settings
    this.#firstTry.resolve()
    const lease = this.#lease
    // The signal does not cancel the release: if it arrived after the next registration, it would end that one.
    if (lease)
      await this.#retryUntilDone(signal, () => bounded(clock, timeout, (context) => lease.release(context)))
    this.#lease = undefined
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async #register(instance: Instance, context: SignalContext): Promise<Lease> {
    const { registrar, service, clock, onRegistered } = this.#settings
    const lease = await registrar.register(service, instance, context)
    checkMethods('the lease', lease, ['renew', 'release'])
    checkNumber('the ttl of the lease', lease.ttl, { exclusive: true })
    // The timeout has passed. A newer try may already hold the registration. This one ends with its ttl.
    if (context.signal.aborted) return lease
    this.#lease = lease
    this.#confirmed = clock.now()
    this.#firstTry.resolve()
    this.#tell(onRegistered, instance)
    return lease
  }

  async #renewUntilForgotten(lease: Lease, parent: AbortSignal): Promise<void> {
    const { clock, timeout } = this.#settings
    const third = lease.ttl / 3
    const renew = (context: SignalContext): unknown => lease.renew(context)
    let invalidAnswers = 0
    for (;;) {
      await clock.sleep(third * (0.9 + 0.2 * clock.random()), parent, { ref: false })
      const known = await this.#retryUntilDone(parent, () =>
        bounded(clock, Math.min(timeout, third), renew, { parent }),
      )
      if (known === false) return
      if (known !== true) {
        // This does not count as false: a new registration at each heartbeat would hide the bug in the
        // registrar.
        this.#report(
          new TypeError(`renew() must return true or false, got ${quote(known)}`),
          ++invalidAnswers,
        )
      }
      this.#confirmed = clock.now()
    }
  }

  /** Retries until `work` succeeds or `signal` aborts. Reports each failure and waits longer after each. */
  #retryUntilDone<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { clock, backoff } = this.#settings
    const attempt = async (n: number): Promise<T> => {
      try {
        return await work()
      } catch (error) {
        this.#firstTry.resolve()
        if (!signal.aborted) this.#report(error, n)
        // p-retry does not retry a TypeError.
        throw new Error('the registry failed', { cause: error })
      }
    }
    return pRetry(attempt, {
      retries: Infinity,
      minTimeout: 0,
      signal,
      onFailedAttempt: ({ attemptNumber }) =>
        clock.sleep(backoff(attemptNumber, clock), signal, { ref: false }),
    })
  }

  async #close(): Promise<void> {
    const { signal, clock, timeout } = this.#settings
    signal?.removeEventListener('abort', this.#onAbort)
    this.#ended = true
    this.#nextTurn()
    // A registration in the background has a timeout but does not keep the process alive.
    await bounded(clock, timeout, () => this.#running, { ref: true }).catch(() => {})
    const lease = this.#lease
    this.#lease = undefined
    if (!lease) return
    try {
      await bounded(clock, timeout, (context) => lease.release(context), { ref: true })
    } catch (error) {
      this.#report(error, 1)
    }
  }

  #report(error: unknown, failures: number): void {
    const { service } = this.#settings
    report(this.#settings, error, failures, `${service} could not be registered or renewed; it is retried`)
  }

  #tell<T>(listener: ((value: T) => unknown) | undefined, value: T): void {
    if (listener) notify(listener, [value], LISTENER)
  }
}

/** Calls `onError`, or emits a process warning for the first failure in a row. */
export function report(
  { onError }: Pick<AnnouncerSettings, 'onError'>,
  error: unknown,
  failures: number,
  message: string,
): void {
  if (onError) notify(onError, [error], LISTENER)
  else if (failures === 1) warn({ message, code: CODE }, error)
}

const CODE = 'OUTRIGGER_ANNOUNCE'
const LISTENER = { message: 'a listener of an announcement threw', code: CODE }
