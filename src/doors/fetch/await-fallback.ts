import type { Core } from '../../call/core.ts'
import type { Plan } from '../../call/plan.ts'
import { startTimer } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import { discardResponse } from './discard-response.ts'

/** The call whose fallback is awaited. */
interface FallbackWait {
  readonly core: Core
  readonly plan: Plan
  readonly signal: AbortSignal | undefined
  /** The caller's deadline by the clock, in milliseconds; Infinity for none. */
  readonly deadline: number
}

/**
 * Returns the response of a fallback. Rejects if the caller aborts, his deadline passes, the client closes, or the
 * fallback takes longer than `timeout.total`. That time begins here, because the time of the call may be over
 * already. A response that comes too late is discarded.
 */
export function awaitFallback(
  waiting: FallbackWait,
  answer: Response | Promise<Response>,
): Promise<Response> {
  const { core, plan, signal, deadline } = waiting
  const { clock, service, onClose } = core
  return new Promise((resolve, reject) => {
    const closed = (): void => end(core.closeError)
    const aborted = (): void => end(signal?.reason)
    const total = Math.min(plan.timeout.total, deadline - clock.now())
    const late = (): void =>
      end(timeoutError(`no answer from the fallback of ${service} within ${Math.round(total)} ms`))
    let over = false
    const settle = (): boolean => {
      if (over) return false
      over = true
      cancel?.()
      onClose.delete(closed)
      signal?.removeEventListener('abort', aborted)
      return true
    }
    const end = (reason: unknown): void => {
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a caller's own reason may be anything
      if (settle()) reject(reason)
    }
    const cancel = total < Infinity ? startTimer(clock, Math.max(total, 0), late) : undefined
    onClose.add(closed)
    signal?.addEventListener('abort', aborted, { once: true })
    Promise.resolve(answer).then((response) => {
      if (settle()) resolve(response)
      else if (response instanceof Response) discardResponse(response)
    }, end)
    if (core.closeError) closed()
    else if (signal?.aborted) aborted()
  })
}
