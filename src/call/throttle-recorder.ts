import type { Throttle } from '../limit/throttle.ts'
import type { Try } from './try.ts'

/** Returns an `onEnd` that first tells the throttle whether the server accepted the request. */
export function makeThrottleRecorder<T>(
  throttle: Throttle,
  onEnd: (ended: Try<T>) => void,
): (ended: Try<T>) => void {
  return (ended) => {
    const { outcome, status } = ended.attempt
    // A server that responds with a failure has accepted the request.
    const isAccepted = outcome === 'success' || (outcome === 'failure' && status !== undefined)
    if (isAccepted || outcome === 'overload') throttle.record(isAccepted)
    onEnd(ended)
  }
}
