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

/** A server's presence in a registry, kept up by heartbeats until it is closed. */
export interface Announcement extends AsyncDisposable {
  readonly instance: Instance
  /** Whether the registry has confirmed the instance within the last ttl. */
  readonly registered: boolean
  /** Stops the heartbeats and releases the lease. Never rejects, and takes no longer than the timeout allows. */
  close(): Promise<void>
}

/** Keeps what is wanted in the registry, by heartbeats, until it is closed. */
export class Announcer implements Announcement {
  readonly instance: Instance
  readonly #settings: AnnouncerSettings
  readonly #tried = Promise.withResolvers<void>()
  readonly #onAbort = (): void => {
    this.#tried.reject(this.#settings.signal?.reason)
    void this.close()
  }
  /** What is to be registered; undefined: nothing for now. */
  #wanted: Instance | undefined
  /** Aborts when something else is wanted, and at the end. */
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

  /** Resolves after the first try to register, however it went; rejects when the signal aborts before. */
  start(): Promise<void> {
    this.#settings.signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#running = this.#run().catch(() => {})
    return this.#tried.promise
  }

  /** Registers this in the place of what is registered, or nothing for the time being. Trying goes on in the background. */
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
    // The first try is waited for.
    for (let ref = true; !this.#ended; ref = false) {
      const { signal } = this.#turn
      try {
        await (this.#wanted ? this.#keep(this.#wanted, signal, ref) : this.#leave(signal))
      } catch (error) {
        if (!signal.aborted) throw error
      }
    }
  }

  /** Registers the instance and renews its lease until the registry has forgotten it. Rejects once `signal` aborts. */
  async #keep(instance: Instance, signal: AbortSignal, ref: boolean): Promise<void> {
    const { clock, timeout } = this.#settings
    let waited = ref
    // Not ended by the signal: what has been sent may succeed, and must then be released or replaced.
    const lease = await this.#persist(signal, () => {
      const trying = bounded(clock, timeout, (context) => this.#register(instance, context), { ref: waited })
      waited = false
      return trying
    })
    await this.#beatUntilForgotten(lease, signal)
    this.#lease = undefined
  }

  /** Takes the instance out of the registry, and waits until something else is wanted. */
  async #leave(signal: AbortSignal): Promise<void> {
    const { clock, timeout } = this.#settings
    this.#tried.resolve()
    const lease = this.#lease
    // Nor is this: a release that came after the next registration would end that.
    if (lease) await this.#persist(signal, () => bounded(clock, timeout, (context) => lease.release(context)))
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
    // Too late for the bound: a newer try may already hold the registration, and the ttl will end this one.
    if (context.signal.aborted) return lease
    this.#lease = lease
    this.#confirmed = clock.now()
    this.#tried.resolve()
    this.#tell(onRegistered, instance)
    return lease
  }

  async #beatUntilForgotten(lease: Lease, parent: AbortSignal): Promise<void> {
    const { clock, timeout } = this.#settings
    const third = lease.ttl / 3
    const renew = (context: SignalContext): unknown => lease.renew(context)
    let odd = 0
    for (;;) {
      await clock.sleep(third * (0.9 + 0.2 * clock.random()), parent, { ref: false })
      const known = await this.#persist(parent, () =>
        bounded(clock, Math.min(timeout, third), renew, { parent }),
      )
      if (known === false) return
      if (known !== true) {
        // Not taken for false: to register again at each heartbeat would hide the mistake.
        this.#report(new TypeError(`renew() must return true or false, got ${quote(known)}`), ++odd)
      }
      this.#confirmed = clock.now()
    }
  }

  /** Tries until it works or `signal` aborts; each failure is told and followed by a longer pause. */
  #persist<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { clock, backoff } = this.#settings
    const attempt = async (n: number): Promise<T> => {
      try {
        return await work()
      } catch (error) {
        this.#tried.resolve()
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
    // A registration in the background is bounded already, but does not keep the process alive.
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
    report(this.#settings, error, failures, `${service} could not be kept in the registry; trying goes on`)
  }

  #tell<T>(listener: ((value: T) => unknown) | undefined, value: T): void {
    if (listener) notify(listener, [value], LISTENER)
  }
}

/** Tells `onError`, or warns of the first failure in a row. */
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
