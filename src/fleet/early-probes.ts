import type { Outcome } from '../observe/events.ts'

/** Milliseconds after the start of the latest early probe within which its result is worth waiting for. */
const WAIT_LIMIT_MS = 100
/**
 * The same, if the one before it failed faster than that. A probe that takes longer than those before does not meet what they met:
 * a service that has just started may answer, and be slow.
 */
const LONG_WAIT_LIMIT_MS = 2_000

/** Hears whether a probe has succeeded; false: those that were under way as it began to wait have ended, and none did. */
type Waiter = (isBack: boolean) => void

/**
 * The early probes under way. A call that no breaker admits waits a moment for their result: a service that has just
 * come back must not lose the calls of the time that its first answer takes.
 */
export class EarlyProbes {
  /** How many have begun, and how many of these have ended. */
  #begun = 0
  #ended = 0
  #beganAt = -Infinity
  #waitLimit = WAIT_LIMIT_MS
  /** In the order in which they came, with how many probes had begun by then. */
  readonly #waiters = new Map<Waiter, number>()

  noteBegin(now: number): void {
    this.#begun++
    this.#beganAt = now
  }

  /** To be called once for each that began, with its result committed before. It took `ms`. */
  noteEnd(outcome: Outcome, ms: number): void {
    if (outcome !== 'ignored') this.#waitLimit = ms < WAIT_LIMIT_MS ? LONG_WAIT_LIMIT_MS : WAIT_LIMIT_MS
    // One that began before `update()` was counted elsewhere.
    if (this.#ended < this.#begun) this.#ended++
    const isBack = outcome === 'success'
    for (const [waiter, begun] of this.#waiters) {
      // As many have ended as there were: probes that began later are not waited for, or the wait would have no end.
      if (!isBack && begun > this.#ended) return
      this.#waiters.delete(waiter)
      waiter(isBack)
    }
  }

  /** How many milliseconds a call may wait for a result; 0 or less: none is under way, or they take too long. */
  waitLimit(now: number): number {
    return this.#ended === this.#begun ? 0 : this.#beganAt + this.#waitLimit - now
  }

  /** Somebody has waited in vain for as long as he may. */
  noteTooSlow(): void {
    this.#waitLimit = WAIT_LIMIT_MS
  }

  /** `waiter` is called at most once, and must not throw. Returns what takes it away. */
  onResult(waiter: Waiter): () => void {
    this.#waiters.set(waiter, this.#begun)
    return () => this.#waiters.delete(waiter)
  }
}
