import type { Clock } from '../clock.ts'
import { checkNumber, checkObject } from '../options.ts'
import { Rng } from './rng.ts'
import { TimerHeap } from './timer-heap.ts'

/** How many timers run before the event loop gets a turn. Without this, a long simulation would block the process. */
const TURN = 10_000

/**
 * A clock that stands still until it is advanced, with random numbers from a seed. The same test gives the same
 * run.
 *
 * @example
 * const clock = new ManualClock()
 * const breaker = new CircuitBreaker({ openFor: 5_000, clock })
 * await clock.advance(5_000)
 */
export class ManualClock implements Clock {
  readonly epoch = 0
  #now = 0
  readonly #rng: Rng
  readonly #timers = new TimerHeap()

  constructor(options: { seed?: number } = {}) {
    checkObject('ManualClock', options, ['seed'])
    const { seed = 1 } = options
    this.#rng = new Rng(checkNumber('seed', seed, { integer: true, min: -(2 ** 31), max: 2 ** 32 - 1 }))
  }

  now(): number {
    return this.#now
  }

  random(): number {
    return this.#rng.next()
  }

  timer(ms: number, callback: () => void): () => void {
    return this.#timers.add(this.#now + Math.max(ms, 0), callback)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = this.timer(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** The number of waiting timers. */
  get timers(): number {
    return this.#timers.size
  }

  /**
   * Advances the time by `ms` milliseconds. Runs each timer at its time, and waits for the microtasks that it
   * starts before the next timer.
   */
  advance(ms: number): Promise<void> {
    const end = this.#now + checkNumber('ms', ms, { max: Number.MAX_SAFE_INTEGER })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let turn = TURN
    const step = (): void => {
      const timer = this.#timers.next(end)
      if (!timer) {
        this.#now = end
        resolve()
        return
      }
      this.#now = timer.at
      try {
        timer.run()
      } catch (error) {
        reject(error)
        return
      }
      if (--turn > 0) afterMicrotasks(step)
      else {
        turn = TURN
        setImmediate(step)
      }
    }
    afterMicrotasks(step)
    return promise
  }
}

/** A tick that is queued from a microtask runs only after the microtask queue is empty. */
function afterMicrotasks(step: () => void): void {
  process.nextTick(queueMicrotask, step)
}
