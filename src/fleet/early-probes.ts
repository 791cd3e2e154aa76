import type { Outcome } from '../observe/events.ts'

/** A call waits for the result of an early probe until this many ms after the start of the latest one. */
const WAIT_LIMIT_MS = 100
/**
 * The same, in ms, if the last probe ended faster than `WAIT_LIMIT_MS`. If the next one takes longer than that, the service has
 * changed: it may have just started, and be slow.
 */
const LONG_WAIT_LIMIT_MS = 2_000

/**
 * Called with true when a probe has succeeded. Called with false when all probes that the waiter waits for have ended
 * without success.
 */
type Waiter = (isBack: boolean) => void

/**
 * The early probes that are under way. A call that no breaker admits waits for their result for a short time. So calls are not
 * refused while the first response of a service that works again is on its way.
 */
export class EarlyProbes {
  /** How many probes have begun, and how many of them have ended. */
  #begun = 0
  #ended = 0
  /** When the latest one began, in ms of the clock. */
  #beganAt = -Infinity
  #waitLimit = WAIT_LIMIT_MS
  /** In the order in which they began to wait, each with the number of probes that had begun before. */
  readonly #waiters = new Map<Waiter, number>()

  noteBegin(now: number): void {
    this.#begun++
    this.#beganAt = now
  }

  /**
   * Called once for each probe that has begun, after its result is counted. It took `ms` milliseconds. Calls waiters before
   * it returns.
   */
  noteEnd(outcome: Outcome, ms: number): void {
    if (outcome !== 'ignored') this.#waitLimit = ms < WAIT_LIMIT_MS ? LONG_WAIT_LIMIT_MS : WAIT_LIMIT_MS
    // A probe that began before `client.update()` was counted by another object.
    if (this.#ended < this.#begun) this.#ended++
    const isBack = outcome === 'success'
    for (const [waiter, begun] of this.#waiters) {
      // A waiter waits for the probes that had begun before it. If it waited for later ones too, it could wait forever.
      if (!isBack && begun > this.#ended) return
      this.#waiters.delete(waiter)
      waiter(isBack)
    }
  }

  /**
   * Returns for how many milliseconds a call may wait for a result. 0 or less means not at all: no probe is under way,
   * or it takes too long.
   */
  waitLimit(now: number): number {
    return this.#ended === this.#begun ? 0 : this.#beganAt + this.#waitLimit - now
  }

  /** Called when a call has waited for as long as it may, without a result. */
  noteTooSlow(): void {
    this.#waitLimit = WAIT_LIMIT_MS
  }

  /**
   * Adds a waiter. It is called later and once, or never if it is removed first. It must not throw. Returns a function
   * that removes it.
   */
  onResult(waiter: Waiter): () => void {
    this.#waiters.set(waiter, this.#begun)
    return () => this.#waiters.delete(waiter)
  }
}
