import { startTimer, type Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import { unusable } from '../hooks/unusable.ts'
import { checkFunction, checkNumber, checkObject, quote } from '../options.ts'
import type { SignalContext } from './source.ts'

/** Says whether this server can do its work now: true or false, or a promise of it. The signal aborts after `timeout`. */
export type HealthFunction = (context: SignalContext) => boolean | Promise<boolean>

/** How a server's health is asked, and what becomes of its registration while it is not well. */
export interface ServerHealthOptions {
  /** True: it gets requests. False, an error, or no answer within `timeout`: it should get none. */
  check: HealthFunction
  /**
   * Milliseconds from one answer to the next question, more or less by a tenth.
   * @default 5_000
   */
  interval?: number
  /**
   * Milliseconds that an answer may take.
   * @default 2_000
   */
  timeout?: number
  /** Answers in a row that must say no before the server is not ready; the first answer of all counts at once. @default 1 */
  unhealthyThreshold?: number
  /** Answers in a row that must say yes before it is ready again; the first answer of all counts at once. @default 2 */
  healthyThreshold?: number
  /**
   * What the registry is told meanwhile. `'drain'`: the instance is registered as draining, so clients pick it when nobody else
   * is there. `'deregister'`: it is taken out, for a registrar that cannot carry `draining`, or clients that do not know it.
   * @default 'drain'
   */
  whenUnhealthy?: 'drain' | 'deregister'
}

export interface HealthSettings {
  readonly check: HealthFunction
  readonly interval: number
  readonly timeout: number
  readonly unhealthyThreshold: number
  readonly healthyThreshold: number
  readonly whenUnhealthy: 'drain' | 'deregister'
}

const OPTIONS: Readonly<Record<keyof ServerHealthOptions, true>> = {
  check: true,
  interval: true,
  timeout: true,
  unhealthyThreshold: true,
  healthyThreshold: true,
  whenUnhealthy: true,
}

/** A longer timer fires at once. */
const MOST = 2 ** 31 - 1

export function healthSettings(health: HealthFunction | ServerHealthOptions): HealthSettings {
  if (typeof health === 'function') return healthSettings({ check: health })
  checkObject('health', health, Object.keys(OPTIONS), 'a function or an object')
  const { check, interval = 5_000, unhealthyThreshold = 1, healthyThreshold = 2 } = health
  const { timeout = 2_000, whenUnhealthy = 'drain' } = health
  checkFunction('health.check', check)
  checkNumber('health.interval', interval, { min: 10, max: MOST })
  checkNumber('health.timeout', timeout, { exclusive: true, max: MOST })
  checkNumber('health.unhealthyThreshold', unhealthyThreshold, { min: 1, integer: true })
  checkNumber('health.healthyThreshold', healthyThreshold, { min: 1, integer: true })
  if (whenUnhealthy !== 'drain' && whenUnhealthy !== 'deregister') {
    throw new TypeError(`health.whenUnhealthy must be 'drain' or 'deregister', got ${quote(whenUnhealthy)}`)
  }
  return { check, interval, timeout, unhealthyThreshold, healthyThreshold, whenUnhealthy }
}

/** What a health function has said lately: asks it again and again until it is stopped. */
export class Readiness {
  readonly #settings: HealthSettings
  readonly #clock: Clock
  readonly #onChange: (ready: boolean) => void
  readonly #onError: (error: unknown, failures: number) => void
  readonly #stop = new AbortController()
  #ready: boolean | undefined
  /** Answers in a row that differ from `#ready`. */
  #against = 0
  #errors = 0

  constructor(
    settings: HealthSettings,
    clock: Clock,
    hooks: {
      /** Not called for the first answer. */
      onChange(this: void, ready: boolean): void
      /** `failures` counts those in a row. */
      onError(this: void, error: unknown, failures: number): void
    },
  ) {
    this.#settings = settings
    this.#clock = clock
    this.#onChange = hooks.onChange
    this.#onError = hooks.onError
  }

  /** False until the first answer. */
  get ready(): boolean {
    return this.#ready === true
  }

  /** Resolves with the first answer. */
  async start(): Promise<void> {
    this.#take(await this.#ask())
    void this.#goOn()
  }

  stop(): void {
    this.#stop.abort()
  }

  async #goOn(): Promise<void> {
    const { interval } = this.#settings
    const { signal } = this.#stop
    while (!signal.aborted) {
      const pause = interval * (0.9 + 0.2 * this.#clock.random())
      await this.#clock.sleep(pause, signal, { ref: false }).catch(() => {})
      if (!signal.aborted) this.#take(await this.#ask())
    }
  }

  #take(healthy: boolean): void {
    if (this.#stop.signal.aborted) return
    if (this.#ready === undefined) {
      this.#ready = healthy
      return
    }
    if (healthy === this.#ready) {
      this.#against = 0
      return
    }
    const { healthyThreshold, unhealthyThreshold } = this.#settings
    if (++this.#against < (healthy ? healthyThreshold : unhealthyThreshold)) return
    this.#against = 0
    this.#ready = healthy
    this.#onChange(healthy)
  }

  /** False also for what throws, rejects, is no boolean or takes too long; the error is told. */
  async #ask(): Promise<boolean> {
    try {
      const healthy: unknown = await this.#bounded()
      if (typeof healthy !== 'boolean') throw unusable('health', 'true or false, or a promise of it', healthy)
      this.#errors = 0
      return healthy
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#onError(error, ++this.#errors)
      return false
    }
  }

  /** Not by `clock.sleep()`: after a stall of the event loop, an answer that has come in time is read first. */
  #bounded(): Promise<unknown> {
    const { check, timeout } = this.#settings
    const { signal: stopped } = this.#stop
    const bound = new AbortController()
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const cancel = startTimer(this.#clock, timeout, () => {
      const error = timeoutError(`health did not answer within ${timeout} ms`)
      reject(error)
      bound.abort(error)
    })
    const onStop = (): void => {
      reject(stopped.reason)
      bound.abort(stopped.reason)
    }
    stopped.addEventListener('abort', onStop, { once: true })
    Promise.resolve({ signal: bound.signal }).then(check).then(resolve, reject)
    return promise.finally(() => {
      cancel()
      stopped.removeEventListener('abort', onStop)
    })
  }
}
