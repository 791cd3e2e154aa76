import type { Throttle } from '../limit/throttle.ts'
import type { Try } from './try.ts'

/** Tells the throttle what a server accepted. */
export function makeThrottleRecorder<T>(
  throttle: Throttle,
  onEnd: (ended: Try<T>) => void,
): (ended: Try<T>) => void {
  return (ended) => {
    const { outcome, status } = ended.attempt
    // A server that fails a request has taken it on.
    const isAccepted = outcome === 'success' || (outcome === 'failure' && status !== undefined)
    if (isAccepted || outcome === 'overload') throttle.record(isAccepted)
    onEnd(ended)
  }
}
