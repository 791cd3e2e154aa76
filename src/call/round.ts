import { startTimer } from '../clock.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Hedge } from '../retry/hedge.ts'
import type { Call } from './call.ts'
import type { Tried } from './operation.ts'
import type { Try } from './try.ts'

/** One try, with its hedges if the plan has any. */
export function round<T>(call: Call<T>, attempt: Attempt): Promise<Tried<T>> {
  const { plan, replayable, idempotent } = call.operation
  if (plan.hedge && replayable && idempotent) return new Round(call, plan.hedge).run(attempt)
  return call.start(attempt).result
}

/** One try, joined by others while it is slower than it should be; the first good answer wins. */
class Round<T> {
  readonly #call: Call<T>
  readonly #hedge: Hedge
  readonly #open = new Set<Try<T>>()
  readonly #outcome = Promise.withResolvers<Tried<T>>()
  #hedges = 0
  #cancelTimer: (() => void) | undefined

  constructor(call: Call<T>, hedge: Hedge) {
    this.#call = call
    this.#hedge = hedge
  }

  run(first: Attempt): Promise<Tried<T>> {
    this.#launch(first)
    this.#arm()
    return this.#outcome.promise
  }

  #launch(attempt: Attempt): void {
    const started = this.#call.start(attempt)
    this.#open.add(started)
    void started.result.then((tried) => this.#ended(started, tried))
  }

  #arm(): void {
    const delay = this.#hedges < this.#hedge.max ? this.#hedge.delay() : undefined
    this.#cancelTimer =
      delay === undefined ? undefined : startTimer(this.#call.clock, delay, () => this.#join())
  }

  /** A hedge is one more try on another endpoint; without another, or without budget, there is none. */
  #join(): void {
    const [slowest] = this.#open
    if (!slowest) return
    const attempt = this.#call.acquireHedge(slowest.attempt)
    if (!attempt) return
    this.#hedges++
    this.#launch(attempt)
    this.#arm()
  }

  #ended(ended: Try<T>, tried: Tried<T>): void {
    this.#open.delete(ended)
    const good = tried.attempt.outcome === 'success'
    // A failure says nothing about how long an answer takes, however fast it was.
    if (good) this.#hedge.observe(tried.attempt.age())
    if (!good && this.#open.size > 0) {
      this.#call.discard(tried)
      return
    }
    this.#cancelTimer?.()
    for (const loser of this.#open) {
      this.#hedge.observe(loser.attempt.age())
      this.#call.abandon(loser)
    }
    this.#outcome.resolve(tried)
  }
}
