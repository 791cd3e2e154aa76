import { startTimer, type Clock } from '../../src/clock.ts'
import type { Limiter } from '../../src/limit/limiter.ts'
import type { Outcome } from '../../src/observe/events.ts'

export interface Behaviour {
  /** Returns how many milliseconds a call takes that begins as the `concurrent`th. */
  duration: (concurrent: number) => number
  outcome?: (concurrent: number) => Outcome
  /** The client's timeout in milliseconds. A call that takes longer is a failure. */
  timeout?: number
}

/** Calls arrive at random, on average `rate` per second, for `ms` milliseconds. Calls without a permit are rejected. */
export async function load(
  limiter: Limiter,
  clock: Clock & { advance(ms: number): Promise<void> },
  behaviour: Behaviour,
  { rate, ms }: { rate: number; ms: number },
): Promise<{
  started: number
  refused: number
  limits: number[]
  mean: number
}> {
  const { timeout = Infinity } = behaviour
  const end = clock.now() + ms
  const seen = { started: 0, refused: 0, limits: [] as number[], mean: 0 }
  let concurrent = 0
  const arrive = (): void => {
    if (clock.now() >= end) return
    startTimer(clock, (-Math.log(1 - clock.random()) * 1000) / rate, arrive)
    const permit = limiter.tryAcquire('default')
    if (!permit) {
      seen.refused++
      return
    }
    seen.started++
    concurrent++
    const answered = behaviour.outcome?.(concurrent) ?? 'success'
    const duration = Math.min(behaviour.duration(concurrent), timeout)
    const outcome = duration === timeout ? 'failure' : answered
    startTimer(clock, duration, () => {
      concurrent--
      permit.release(outcome, duration)
    })
  }
  arrive()
  const sample = (): void => {
    if (clock.now() >= end) return
    seen.limits.push(limiter.limit)
    startTimer(clock, 100, sample)
  }
  sample()
  await clock.advance(ms)
  return seen
}
