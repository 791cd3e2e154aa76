import { clearImmediate, setImmediate } from 'node:timers'

/** Time and chance, injected everywhere so that tests and the simulator can own both. */
export interface Clock {
  /** Monotonic milliseconds; the zero point does not matter. */
  now(): number
  /**
   * Resolves after `ms` milliseconds; rejects with `signal.reason` as soon as `signal` aborts.
   * `ref: false` is for background work that must not keep the process alive.
   */
  sleep(ms: number, signal?: AbortSignal, options?: { ref?: boolean }): Promise<void>
  /** A number in [0, 1). */
  random(): number
  /**
   * What to add to `now()` to get Unix milliseconds, used for `at` in events.
   * @default 0
   */
  readonly epoch?: number
  /**
   * Calls `callback` after `ms` milliseconds unless the returned function is called first.
   * Optional: built from `sleep` when missing, at the price of an AbortController per timer.
   */
  timer?(ms: number, callback: () => void): () => void
  /**
   * Calls `callback` once the event loop has delivered what already lies in its sockets.
   * Optional: at once when missing, as for a clock of simulated time.
   */
  poll?(callback: () => void): void
}

/** A longer `setTimeout` fires at once (it wraps at 2^31 ms). */
const MAX_TIMEOUT = 2 ** 31 - 1

/** The system's clock, timers and random numbers: what everything uses unless it is given another clock. */
export const systemClock: Clock = {
  epoch: performance.timeOrigin,
  now: () => performance.now(),
  random: () => Math.random(),
  sleep: (ms, signal, { ref = true } = {}) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        clearTimeout(timeout)
        reject(signal?.reason)
      }
      const timeout = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        Math.min(ms, MAX_TIMEOUT),
      )
      if (!ref) timeout.unref()
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
  // After a stall, timers run before the sockets are read: an answer that came in time would be found too late.
  timer: (ms, callback) => {
    let immediate: NodeJS.Immediate | undefined
    const timeout = setTimeout(
      () => {
        immediate = setImmediate(callback)
      },
      Math.min(ms, MAX_TIMEOUT),
    )
    return () => {
      clearTimeout(timeout)
      if (immediate) clearImmediate(immediate)
    }
  },
  poll: (callback) => {
    setImmediate(callback)
  },
}

/** Unix milliseconds by the clock. */
export function unixTime(clock: Clock): number {
  return clock.now() + (clock.epoch ?? 0)
}

/** Calls `callback` after `ms` on any clock; the returned function cancels. */
export function startTimer(clock: Clock, ms: number, callback: () => void): () => void {
  if (clock.timer) return clock.timer(ms, callback)
  const controller = new AbortController()
  clock.sleep(ms, controller.signal).then(callback, () => {})
  return () => controller.abort()
}
