import pRetry from 'p-retry'
import { systemClock, type Clock } from '../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { registryBackoff, type RegistryBackoff } from './backoff.ts'
import { bounded } from './bounded.ts'
import { toInstance } from './instance.ts'
import type { Instance, InstanceInit, Lease, Registrar, SignalContext } from './source.ts'

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
 * server, trying goes on in the background. Keeps no process alive.
 *
 * @example
 * await using me = await announce(registry, 'user-service', { url: 'http://127.0.0.1:8080' })
 */
export async function announce(
  registrar: Registrar,
  service: string,
  instance: InstanceInit,
  options: AnnounceOptions = {},
): Promise<Announcement> {
  checkObject('announce', options, ANNOUNCE_OPTIONS)
  options.signal?.throwIfAborted()
  const announcer = new Announcer(registrar, service, toInstance(instance), options)
  await announcer.tried
  return announcer
}

class Announcer implements Announcement {
  readonly instance: Instance
  readonly #registrar: Registrar
  readonly #service: string
  readonly #options: AnnounceOptions
  readonly #clock: Clock
  readonly #timeout: number
  readonly #backoff: (failures: number, clock: Clock) => number
  readonly #stop = new AbortController()
  readonly #tried = Promise.withResolvers<void>()
  readonly #running: Promise<void>
  readonly #onAbort = (): void => void this.close()
  #lease: Lease | undefined
  #confirmed = 0
  #closing: Promise<void> | undefined

  constructor(registrar: Registrar, service: string, instance: Instance, options: AnnounceOptions) {
    checkMethods('registrar', registrar, ['register'])
    if (typeof service !== 'string' || service === '') {
      throw new TypeError(`service must be a string that is not empty, got ${quote(service)}`)
    }
    if (options.onError !== undefined) checkFunction('onError', options.onError)
    if (options.onRegistered !== undefined) checkFunction('onRegistered', options.onRegistered)
    this.instance = instance
    this.#registrar = registrar
    this.#service = service
    this.#options = { ...options }
    this.#clock = options.clock ?? systemClock
    this.#timeout = checkNumber('timeout', options.timeout ?? 5000, { exclusive: true })
    this.#backoff = registryBackoff('backoff', options.backoff)
    this.#running = this.#run().catch(() => {})
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Resolves after the first try to register, however it went. */
  get tried(): Promise<void> {
    return this.#tried.promise
  }

  get registered(): boolean {
    return this.#lease !== undefined && this.#clock.now() - this.#confirmed <= this.#lease.ttl
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
    for (;;) {
      // Not ended by close(): what has been sent may succeed, and must then be released.
      const lease = await this.#persist(() =>
        bounded(this.#clock, this.#timeout, (context) => this.#register(context)),
      )
      await this.#beatUntilForgotten(lease)
      this.#lease = undefined
    }
  }

  async #register(context: SignalContext): Promise<Lease> {
    const lease = await this.#registrar.register(this.#service, this.instance, context)
    checkMethods('the lease', lease, ['renew', 'release'])
    checkNumber('the ttl of the lease', lease.ttl, { exclusive: true })
    // Too late for the bound: a newer try may already hold the registration, and the ttl will end this one.
    if (context.signal.aborted) return lease
    this.#lease = lease
    this.#confirmed = this.#clock.now()
    this.#tried.resolve()
    this.#tell(this.#options.onRegistered, this.instance)
    return lease
  }

  async #beatUntilForgotten(lease: Lease): Promise<void> {
    const third = lease.ttl / 3
    const { signal } = this.#stop
    const renew = (context: SignalContext): boolean | Promise<boolean> => lease.renew(context)
    for (;;) {
      await this.#clock.sleep(third * (0.9 + 0.2 * this.#clock.random()), signal, { ref: false })
      const known = await this.#persist(() =>
        bounded(this.#clock, Math.min(this.#timeout, third), renew, signal),
      )
      if (!known) return
      this.#confirmed = this.#clock.now()
    }
  }

  /** Tries until it works; each failure is told and followed by a longer pause. */
  #persist<T>(work: () => Promise<T>): Promise<T> {
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
        this.#clock.sleep(this.#backoff(attemptNumber, this.#clock), signal, { ref: false }),
    })
  }

  async #close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#stop.abort()
    await this.#running
    const lease = this.#lease
    this.#lease = undefined
    if (!lease) return
    try {
      await bounded(this.#clock, this.#timeout, (context) => lease.release(context))
    } catch (error) {
      this.#report(error, 1)
    }
  }

  #report(error: unknown, failures: number): void {
    if (this.#options.onError) this.#tell(this.#options.onError, error)
    else if (failures === 1) warn(`${this.#service} could not be kept in the registry; trying goes on`, error)
  }

  #tell<T>(listener: ((value: T) => void) | undefined, value: T): void {
    try {
      listener?.(value)
    } catch (error) {
      warn('a listener of an announcement threw', error)
    }
  }
}

function warn(message: string, error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning(message, { code: 'OUTRIGGER_ANNOUNCE', detail })
}
