import { startTimer, type Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import { unusable } from '../hooks/unusable.ts'
import { checkFunction, checkNumber, checkObject, quote } from '../options.ts'
import type { SignalContext } from './source.ts'

/** Returns, or resolves to, whether this server can do its work now. The signal aborts after `timeout`. */
export type HealthFunction = (context: SignalContext) => boolean | Promise<boolean>

/** How a server's health is checked, and how it is registered while it is unhealthy. */
export interface ServerHealthOptions {
  /** True: the server should get requests. False, an error, or no answer within `timeout`: it should get none. */
  check: HealthFunction
  /**
   * Time from one answer to the next call, in ms, ± 10 %.
   * @default 5_000
   */
  interval?: number
  /**
   * How long an answer may take, in ms.
   * @default 2_000
   */
  timeout?: number
  /**
   * How many negative answers in a row make the server not ready. The first answer after the start counts at
   * once. @default 1
   */
  unhealthyThreshold?: number
  /**
   * How many positive answers in a row make it ready again. The first answer after the start counts at once.
   * @default 2
   */
  healthyThreshold?: number
  /**
   * How the instance is registered while it is unhealthy. `'drain'`: it is registered as draining, so clients
   * pick it only when no other instance is available. `'deregister'`: it is removed. Use this for a registrar
   * that cannot store `draining`, or for clients that do not support it.
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

/** In ms. Node.js fires a longer timer at once. */
const MAX_TIMER = 2 ** 31 - 1

export function healthSettings(health: HealthFunction | ServerHealthOptions): HealthSettings {
  if (typeof health === 'function') return healthSettings({ check: health })
  checkObject('health', health, Object.keys(OPTIONS), 'a function or an object')
  const { check, interval = 5_000, unhealthyThreshold = 1, healthyThreshold = 2 } = health
  const { timeout = 2_000, whenUnhealthy = 'drain' } = health
  checkFunction('health.check', check)
  checkNumber('health.interval', interval, { min: 10, max: MAX_TIMER })
  checkNumber('health.timeout', timeout, { exclusive: true, max: MAX_TIMER })
  checkNumber('health.unhealthyThreshold', unhealthyThreshold, { min: 1, integer: true })
  checkNumber('health.healthyThreshold', healthyThreshold, { min: 1, integer: true })
  if (whenUnhealthy !== 'drain' && whenUnhealthy !== 'deregister') {
    throw new TypeError(`health.whenUnhealthy must be 'drain' or 'deregister', got ${quote(whenUnhealthy)}`)
  }
  return { check, interval, timeout, unhealthyThreshold, healthyThreshold, whenUnhealthy }
}

/** Calls a health function at an interval until stopped, and keeps its result. */
export class Readiness {
  readonly #settings: HealthSettings
  readonly #clock: Clock
  readonly #onChange: (ready: boolean) => void
  readonly #onError: (error: unknown, failures: number) => void
  readonly #stop = new AbortController()
  #ready: boolean | undefined
  /** How many answers in a row differ from `#ready`. */
  #opposite = 0
  #errors = 0

  constructor(
    settings: HealthSettings,
    clock: Clock,
    hooks: {
      /** Not called for the first answer. */
      onChange(this: void, ready: boolean): void
      /** `failures` is the number of failures in a row. */
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
    this.#record(await this.#ask())
    void this.#repeat()
  }

  stop(): void {
    this.#stop.abort()
  }

  async #repeat(): Promise<void> {
    const { interval } = this.#settings
    const { signal } = this.#stop
    while (!signal.aborted) {
      const pause = interval * (0.9 + 0.2 * this.#clock.random())
      await this.#clock.sleep(pause, signal, { ref: false }).catch(() => {})
      if (!signal.aborted) this.#record(await this.#ask())
    }
  }

  #record(healthy: boolean): void {
    if (this.#stop.signal.aborted) return
    if (this.#ready === undefined) {
      this.#ready = healthy
      return
    }
    if (healthy === this.#ready) {
      this.#opposite = 0
      return
    }
    const { healthyThreshold, unhealthyThreshold } = this.#settings
    if (++this.#opposite < (healthy ? healthyThreshold : unhealthyThreshold)) return
    this.#opposite = 0
    this.#ready = healthy
    this.#onChange(healthy)
  }

  /** Returns false also when `check` throws, rejects, returns no boolean or takes too long. The error is reported. */
  async #ask(): Promise<boolean> {
    try {
      const healthy: unknown = await this.#askWithTimeout()
      if (typeof healthy !== 'boolean') throw unusable('health', 'true or false, or a promise of it', healthy)
      this.#errors = 0
      return healthy
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#onError(error, ++this.#errors)
      return false
    }
  }

  /**
   * Uses `startTimer()`, not `clock.sleep()`: after a stall of the event loop, an answer that arrived in time
   * is read before the timer fires.
   */
  #askWithTimeout(): Promise<unknown> {
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
