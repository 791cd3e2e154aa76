import type { Attempt } from '../fleet/attempt.ts'
import type { Call } from './call.ts'

/**
 * Handles a call for which no endpoint is available. If an early probe is under way, the call waits for its result, for a
 * short time. When the probe succeeds, the call acquires an attempt, and `go` gets it. In all other cases the call is
 * refused. `go` is never called before this returns.
 *
 * The call requests an attempt only after a success, because `LastResort` counts each request and lets a share of them
 * through as further probes.
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
      // The user's balancer may throw.
      call.fail(error)
    }
  }
  // The wait rejects if the call ends first.
  waited.then(resume, () => stop?.())
}
