import pRetry from 'p-retry'
import { systemClock, type Clock } from '../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, checkSignal, quote } from '../options.ts'
import { notify, warn } from '../hooks/notify.ts'
import { registryBackoff, type RegistryBackoff } from './backoff.ts'
import { bounded } from './bounded.ts'
import { toInstance } from './instance.ts'
import type { Instance, InstanceInit, Lease, Registrar, SignalContext } from './source.ts'
import { checkText } from './text.ts'

export interface AnnounceOptions {
  /** Ends the announcement, as `close()` does. */
  signal?: AbortSignal
  /**
   * Told of each failed try to register, to renew or to release. Trying goes on by itself.
   * @default a process warning for the first failure in a row
   */
  onError?: (error: unknown) => void
  /** Told each time the registry has accepted the instance: at first, and after it had forgotten it. */
  onRegistered?: (instance: Instance) => void
  /**
   * How long the registry may take for one answer, in ms; a heartbeat gets a third of the ttl if that is less.
   * @default 5_000
   */
  timeout?: number
  /** Between tries while the registry fails; half of each delay is random. */
  backoff?: RegistryBackoff
  /** @default the system's */
  clock?: Clock
}

/** A server's presence in a registry, kept up by heartbeats until it is closed. */
export interface Announcement extends AsyncDisposable {
  readonly instance: Instance
  /** Whether the registry has confirmed the instance within the last ttl. */
  readonly registered: boolean
  /** Stops the heartbeats and releases the lease. Never rejects, and takes no longer than the timeout allows. */
  close(): Promise<void>
}

export const ANNOUNCE_OPTIONS: readonly string[] = [
  'signal',
  'onError',
  'onRegistered',
  'timeout',
  'backoff',
  'clock',
]

/**
 * Registers the instance and keeps it registered: a heartbeat every third of the ttl (± 10 %), a new registration when
 * the registry has forgotten it. Resolves after the first try, also when that failed: a registry that is down stops no
 * server, trying goes on in the background. Keeps no process alive but for the first try and the release.
 *
 * Heartbeats go on until `close()`, the `signal` or the end of the process; to let the announcement go changes nothing.
 * Not for `await using` at the top level of a module, which ends while the server runs on. The same id announced twice
 * is one registration, of the newer url.
 *
 * @example
 * const announced = announce(registry, 'user-service', { url: 'http://127.0.0.1:8080' })
 * // Before anything is awaited, so that a signal during the first try is heard.
 * process.once('SIGTERM', () => announced.then((me) => me.close()))
 */
export async function announce(
  registrar: Registrar,
  service: string,
  instance: InstanceInit,
  options: AnnounceOptions = {},
): Promise<Announcement> {
  checkObject('announce', options, ANNOUNCE_OPTIONS)
  const settings = announceSettings(registrar, service, options)
  const announcer = new Announcer(settings, toInstance(instance))
  settings.signal?.throwIfAborted()
  await announcer.start()
  return announcer
}

interface AnnounceSettings extends Omit<AnnounceOptions, 'backoff'> {
  readonly registrar: Registrar
  readonly service: string
  readonly timeout: number
  readonly backoff: (failures: number, clock: Clock) => number
  readonly clock: Clock
}

/** Everything but the instance, checked and with its defaults. */
export function announceSettings(
  registrar: Registrar,
  service: string,
  options: AnnounceOptions,
): AnnounceSettings {
  const { signal, onError, onRegistered, timeout = 5_000, backoff, clock = systemClock } = options
  checkMethods('registrar', registrar, ['register'])
  checkText('service', service)
  checkSignal(signal)
  if (onError !== undefined) checkFunction('onError', onError)
  if (onRegistered !== undefined) checkFunction('onRegistered', onRegistered)
  checkNumber('timeout', timeout, { exclusive: true })
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  return { ...options, registrar, service, timeout, backoff: registryBackoff('backoff', backoff), clock }
}

class Announcer implements Announcement {
  readonly instance: Instance
  readonly #settings: AnnounceSettings
  readonly #stop = new AbortController()
  readonly #tried = Promise.withResolvers<void>()
  readonly #onAbort = (): void => {
    this.#tried.reject(this.#settings.signal?.reason)
    void this.close()
  }
  #running: Promise<void> | undefined
  #lease: Lease | undefined
  #confirmed = 0
  #closing: Promise<void> | undefined

  constructor(settings: AnnounceSettings, instance: Instance) {
    this.#settings = settings
    this.instance = instance
  }

  /** Resolves after the first try to register, however it went; rejects when the signal aborts before. */
  start(): Promise<void> {
    this.#settings.signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#running = this.#run().catch(() => {})
    return this.#tried.promise
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

  /** Ends when stopped: the sleeps and the retries reject then. */
  async #run(): Promise<void> {
    const { clock, timeout } = this.#settings
    // The first try is waited for.
    let ref = true
    for (;;) {
      // Not ended by close(): what has been sent may succeed, and must then be released.
      const lease = await this.#persist(() => {
        const trying = bounded(clock, timeout, (context) => this.#register(context), { ref })
        ref = false
        return trying
      })
      await this.#beatUntilForgotten(lease)
      this.#lease = undefined
    }
  }

  async #register(context: SignalContext): Promise<Lease> {
    const { registrar, service, clock, onRegistered } = this.#settings
    const lease = await registrar.register(service, this.instance, context)
    checkMethods('the lease', lease, ['renew', 'release'])
    checkNumber('the ttl of the lease', lease.ttl, { exclusive: true })
    // Too late for the bound: a newer try may already hold the registration, and the ttl will end this one.
    if (context.signal.aborted) return lease
    this.#lease = lease
    this.#confirmed = clock.now()
    this.#tried.resolve()
    this.#tell(onRegistered, this.instance)
    return lease
  }

  async #beatUntilForgotten(lease: Lease): Promise<void> {
    const { clock, timeout } = this.#settings
    const third = lease.ttl / 3
    const { signal: parent } = this.#stop
    const renew = (context: SignalContext): unknown => lease.renew(context)
    let odd = 0
    for (;;) {
      await clock.sleep(third * (0.9 + 0.2 * clock.random()), parent, { ref: false })
      const known = await this.#persist(() => bounded(clock, Math.min(timeout, third), renew, { parent }))
      if (known === false) return
      if (known !== true) {
        // Not taken for false: to register again at each heartbeat would hide the mistake.
        this.#report(new TypeError(`renew() must return true or false, got ${quote(known)}`), ++odd)
      }
      this.#confirmed = clock.now()
    }
  }

  /** Tries until it works; each failure is told and followed by a longer pause. */
  #persist<T>(work: () => Promise<T>): Promise<T> {
    const { clock, backoff } = this.#settings
    const { signal } = this.#stop
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
    this.#stop.abort()
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
    const { onError, service } = this.#settings
    if (onError) this.#tell(onError, error)
    else if (failures === 1) {
      warn({ message: `${service} could not be kept in the registry; trying goes on`, code: CODE }, error)
    }
  }

  #tell<T>(listener: ((value: T) => unknown) | undefined, value: T): void {
    if (listener) notify(listener, [value], LISTENER)
  }
}

const CODE = 'OUTRIGGER_ANNOUNCE'
const LISTENER = { message: 'a listener of an announcement threw', code: CODE }
