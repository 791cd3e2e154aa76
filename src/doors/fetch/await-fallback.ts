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
 * Returns the response of a fallback. Rejects if the caller aborts, the deadline passes, the client closes, or the
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
    const onClosed = (): void => rejectWith(core.closeError)
    const onAborted = (): void => rejectWith(signal?.reason)
    const total = Math.min(plan.timeout.total, deadline - clock.now())
    const onTimeout = (): void =>
      rejectWith(timeoutError(`no answer from the fallback of ${service} within ${Math.round(total)} ms`))
    let isSettled = false
    const settle = (): boolean => {
      if (isSettled) return false
      isSettled = true
      cancel?.()
      onClose.delete(onClosed)
      signal?.removeEventListener('abort', onAborted)
      return true
    }
    const rejectWith = (reason: unknown): void => {
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a caller's own reason may be anything
      if (settle()) reject(reason)
    }
    const cancel = total < Infinity ? startTimer(clock, Math.max(total, 0), onTimeout) : undefined
    onClose.add(onClosed)
    signal?.addEventListener('abort', onAborted, { once: true })
    Promise.resolve(answer).then((response) => {
      if (settle()) resolve(response)
      else if (response instanceof Response) discardResponse(response)
    }, rejectWith)
    if (core.closeError) onClosed()
    else if (signal?.aborted) onAborted()
  })
}
