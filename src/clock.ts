import { clearImmediate, setImmediate } from 'node:timers'

/** The source of time and random numbers. Tests and the simulator pass their own clock. */
export interface Clock {
  /** Monotonic milliseconds. The zero point does not matter. */
  now(): number
  /**
   * Resolves after `ms` milliseconds. Rejects with `signal.reason` as soon as `signal` aborts. With `ref:
   * false`, the timer does not keep the process alive.
   */
  sleep(ms: number, signal?: AbortSignal, options?: { ref?: boolean }): Promise<void>
  /** A number in [0, 1). */
  random(): number
  /**
   * The difference between Unix milliseconds and `now()`, for `at` in events.
   * @default 0
   */
  readonly epoch?: number
  /**
   * Calls `callback` after `ms` milliseconds, unless the returned function is called first. Optional: without
   * it, `sleep` is used, which costs an AbortController per timer.
   */
  timer?(ms: number, callback: () => void): () => void
  /**
   * Calls `callback` once the event loop has read the data that is already in its sockets. Optional: without
   * it, as in simulated time, the callback runs at once.
   */
  poll?(callback: () => void): void
}

/** In ms. `setTimeout` fires a longer timer at once. */
const MAX_TIMEOUT = 2 ** 31 - 1

/** The clock, timers and random numbers of the system. Used wherever no other clock is set. */
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
  // setImmediate runs after the sockets are read. After a stall of the event loop, an answer that arrived in
  // time is then read before the timeout fires.
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

/** Returns the time of the clock in Unix milliseconds. */
export function unixTime(clock: Clock): number {
  return clock.now() + (clock.epoch ?? 0)
}

/** Calls `callback` after `ms` milliseconds on any clock. The returned function cancels the timer. */
export function startTimer(clock: Clock, ms: number, callback: () => void): () => void {
  if (clock.timer) return clock.timer(ms, callback)
  const controller = new AbortController()
  clock.sleep(ms, controller.signal).then(callback, () => {})
  return () => controller.abort()
}
