import { startTimer } from '../clock.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { quote } from '../options.ts'
import type { Hedge } from '../retry/hedge.ts'
import { VERDICTS } from '../verdict/verdict.ts'
import type { Call } from './call.ts'
import type { TryResult } from './operation.ts'
import type { Try } from './try.ts'

/**
 * Runs one try, and its hedges if the plan has any. `onEnd` is called once, perhaps before this returns, or never if
 * the call ends first.
 */
export function runRound<T>(call: Call<T>, attempt: Attempt, onEnd: (result: TryResult<T>) => void): void {
  const { plan, replayable, idempotent } = call.operation
  const { hedge } = plan
  if (hedge && replayable && idempotent)
    attempt.releaseOnThrow(() => new HedgedRound(call, hedge, onEnd).run(attempt))
  else call.start(attempt, false, onEnd)
}

/** One try, and further tries (hedges) while it is slow. The first good response wins. The others are cancelled. */
class HedgedRound<T> {
  readonly #call: Call<T>
  readonly #hedge: Hedge
  readonly #onEnd: (result: TryResult<T>) => void
  readonly #underWay = new Set<Try<T>>()
  #hedgeCount = 0

  constructor(call: Call<T>, hedge: Hedge, onEnd: (result: TryResult<T>) => void) {
    this.#call = call
    this.#hedge = hedge
    this.#onEnd = onEnd
  }

  run(first: Attempt): void {
    this.#startHedgeTimer()
    this.#startTry(first, false)
  }

  #startTry(attempt: Attempt, isHedge: boolean): void {
    const started = this.#call.start(attempt, isHedge, (ended) => this.#onTryEnd(ended))
    // A try may end synchronously, for example if the function that makes the body throws.
    if (!started.over) this.#underWay.add(started)
  }

  #startHedgeTimer(): void {
    const delay = this.#hedgeCount < this.#hedge.max ? this.#hedge.delay() : undefined
    this.#call.cancelHedge =
      delay === undefined ? undefined : startTimer(this.#call.clock, delay, () => this.#startHedge())
  }

  /** Starts a hedge, if another endpoint is available and the budget allows it. */
  #startHedge(): void {
    const [slowest] = this.#underWay
    const attempt = slowest && this.#acquireHedge(slowest.attempt)
    if (!attempt) return
    this.#hedgeCount++
    this.#startHedgeTimer()
    this.#startTry(attempt, true)
  }

  /** If the user's balancer throws, there is no hedge. The first try goes on, because its response may still arrive. */
  #acquireHedge(slowest: Attempt): Attempt | undefined {
    try {
      return acquireHedge(this.#call, slowest)
    } catch (error) {
      process.emitWarning(`balance.pick() threw ${quote(error)}`, { code: 'OUTRIGGER_BALANCER' })
      return undefined
    }
  }

  #onTryEnd(ended: Try<T>): void {
    this.#underWay.delete(ended)
    // Stricter than `isGoodForCaller`: a response that `classify` ignores does not win, because another try may bring a
    // better one.
    const good = ended.attempt.outcome === 'success'
    // A failure is not measured, because it does not tell how long a response takes.
    if (good) this.#hedge.observe(ended.attempt.age())
    if (!good && this.#underWay.size > 0) {
      this.#call.discard(ended)
      return
    }
    this.#call.cancelHedge?.()
    for (const loser of this.#underWay) {
      // It would have taken at least this long.
      this.#hedge.observe(loser.attempt.age())
      loser.stop(new Error('another try of the same call was faster'), VERDICTS.abandoned)
    }
    this.#onEnd(ended)
  }
}

/** Returns an attempt on another endpoint, and withdraws it from the budget. Undefined if either is not possible. */
function acquireHedge<T>(call: Call<T>, slowest: Attempt): Attempt | undefined {
  const { core, operation } = call
  call.exclude(slowest.endpoint)
  if (
    call.ended ||
    !core.fleet.availability.hasOtherEndpoint(call, operation.plan.guard) ||
    !core.budget.withdraw()
  )
    return undefined
  const attempt = call.acquire()
  if (attempt) call.exclude(attempt.endpoint)
  if (attempt && core.events.has('call:hedge')) {
    const { instance, number } = slowest
    core.events.emit('call:hedge', { ...call.stamp(), instance, attempt: number, after: slowest.age() })
  }
  return attempt
}
