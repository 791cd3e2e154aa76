import type { Attempt } from '../fleet/attempt.ts'
import type { Call } from './call.ts'

/**
 * For a call that no breaker admits. While an early probe is under way, the call waits a moment for its result:
 * `go` gets an attempt if the service is back. Otherwise the call is refused, as it is at
 * once when no probe is under way. It asks for an attempt only after a success: each request for one adds to the
 * share of calls that the throttle lets through.
 */
export function awaitProbe<T>(call: Call<T>, go: (attempt: Attempt) => void): void {
  const { fleet } = call.core
  const probes = fleet.availability.earlyProbes(call.operation.plan.guard, call.subset)
  const waitLimit = probes?.waitLimit(call.now) ?? 0
  if (!probes || waitLimit <= 0) {
    call.refuse(call.makeRefusal())
    return
  }
  let isBack: boolean | undefined
  let stop: (() => void) | undefined
  const waited = call.sleep(waitLimit, (wake) => {
    stop = probes.onResult((result) => {
      isBack = result
      wake()
    })
  })
  const resume = (): void => {
    stop?.()
    if (isBack === undefined) probes.noteTooSlow()
    if (call.ended) return
    try {
      const attempt = isBack ? call.acquireFirst() : undefined
      if (attempt) go(attempt)
      else call.refuse(call.makeRefusal())
    } catch (error) {
      // A strategy of the user's may throw.
      call.fail(error)
    }
  }
  // The wait rejects when the call ends before it.
  waited.then(resume, () => stop?.())
}
