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
}

/** A longer `setTimeout` fires at once (it wraps at 2^31 ms). */
const MAX_TIMEOUT = 2 ** 31 - 1

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
  timer: (ms, callback) => {
    const timeout = setTimeout(callback, Math.min(ms, MAX_TIMEOUT))
    return () => clearTimeout(timeout)
  },
}

/** Calls `callback` after `ms` on any clock; the returned function cancels. */
export function startTimer(clock: Clock, ms: number, callback: () => void): () => void {
  if (clock.timer) return clock.timer(ms, callback)
  const controller = new AbortController()
  clock.sleep(ms, controller.signal).then(callback, () => {})
  return () => controller.abort()
}
