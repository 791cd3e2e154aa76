import { startTimer } from '../clock.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { quote } from '../options.ts'
import type { Hedge } from '../retry/hedge.ts'
import { VERDICTS } from '../verdict/verdict.ts'
import type { Call } from './call.ts'
import type { Tried } from './operation.ts'
import type { Try } from './try.ts'

/** One try, with its hedges if the plan has any. */
export function round<T>(call: Call<T>, attempt: Attempt, onEnd: (tried: Tried<T>) => void): void {
  const { plan, replayable, idempotent } = call.operation
  const { hedge } = plan
  if (hedge && replayable && idempotent) attempt.hold(() => new Round(call, hedge, onEnd).run(attempt))
  else call.start(attempt, onEnd)
}

/** One try, joined by others while it is slower than it should be; the first good answer wins. */
class Round<T> {
  readonly #call: Call<T>
  readonly #hedge: Hedge
  readonly #onEnd: (tried: Tried<T>) => void
  readonly #open = new Set<Try<T>>()
  #hedges = 0

  constructor(call: Call<T>, hedge: Hedge, onEnd: (tried: Tried<T>) => void) {
    this.#call = call
    this.#hedge = hedge
    this.#onEnd = onEnd
  }

  run(first: Attempt): void {
    this.#arm()
    this.#launch(first)
  }

  #launch(attempt: Attempt): void {
    const started = this.#call.start(attempt, (ended) => this.#ended(ended))
    // What throws at once, as a body made anew may, is over before it is here.
    if (!started.over) this.#open.add(started)
  }

  #arm(): void {
    const delay = this.#hedges < this.#hedge.max ? this.#hedge.delay() : undefined
    this.#call.cancelHedge =
      delay === undefined ? undefined : startTimer(this.#call.clock, delay, () => this.#join())
  }

  /** A hedge is one more try on another endpoint; without another, or without budget, there is none. */
  #join(): void {
    const [slowest] = this.#open
    const attempt = slowest && this.#acquire(slowest.attempt)
    if (!attempt) return
    this.#hedges++
    this.#arm()
    this.#launch(attempt)
  }

  /** A strategy that throws costs the call its hedge: the first try may still be answered. */
  #acquire(slowest: Attempt): Attempt | undefined {
    try {
      return acquireHedge(this.#call, slowest)
    } catch (error) {
      process.emitWarning(`balance.pick() threw ${quote(error)}`, { code: 'OUTRIGGER_BALANCER' })
      return undefined
    }
  }

  #ended(ended: Try<T>): void {
    this.#open.delete(ended)
    // Stricter than `isGoodForCaller`: an answer that `classify` ignores does not win while another try may bring a better one.
    const good = ended.attempt.outcome === 'success'
    // A failure says nothing about how long an answer takes, however fast it was.
    if (good) this.#hedge.observe(ended.attempt.age())
    if (!good && this.#open.size > 0) {
      this.#call.discard(ended)
      return
    }
    this.#call.cancelHedge?.()
    for (const loser of this.#open) {
      this.#hedge.observe(loser.attempt.age())
      loser.stop(new Error('another try of the same call was faster'), VERDICTS.abandoned)
    }
    this.#onEnd(ended)
  }
}

/** An attempt to race `slowest`: on another endpoint, and paid for. */
function acquireHedge<T>(call: Call<T>, slowest: Attempt): Attempt | undefined {
  const { core, operation } = call
  call.exclude(slowest.endpoint)
  if (call.ended || !core.fleet.availability.hasOther(call, operation.plan.guard) || !core.budget.withdraw())
    return undefined
  const attempt = call.acquire()
  if (attempt) call.exclude(attempt.endpoint)
  if (attempt && core.events.has('call:hedge')) {
    const { instance, number } = slowest
    core.events.emit('call:hedge', { ...call.stamp(), instance, attempt: number, after: slowest.age() })
  }
  return attempt
}
