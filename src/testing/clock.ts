import type { Clock } from '../clock.ts'
import { checkNumber, checkObject } from '../options.ts'
import { Rng } from './rng.ts'
import { TimerHeap } from './timer-heap.ts'

/** Timers run between two turns of the event loop: a long simulation must not starve the process. */
const TURN = 10_000

/**
 * A clock that stands still until it is advanced, with randomness from a seed: the same test, the same run.
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

  /** How many timers are waiting. */
  get timers(): number {
    return this.#timers.size
  }

  /** Moves time on by `ms`, running each timer at its time and what it sets in motion before the next. */
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

/** A tick queued from a microtask runs only once the whole microtask queue is empty. */
function afterMicrotasks(step: () => void): void {
  process.nextTick(queueMicrotask, step)
}
