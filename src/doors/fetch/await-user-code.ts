import type { Core } from '../../call/core.ts'
import { startTimer } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import { discardResponse } from './discard-response.ts'

/** What is awaited, and until when. */
export interface UserCodeWait {
  readonly core: Core
  readonly signal: AbortSignal | undefined
  /** The caller's deadline by the clock, in milliseconds; Infinity for none. */
  readonly deadline: number
  /** The maximum time from now on, in milliseconds. */
  readonly total: number
  /** The name of what is awaited, such as `'the fallback'`. */
  readonly what: string
}

/**
 * Returns the result of user code. Rejects if the caller aborts, the deadline passes, the client closes, or the code takes
 * longer than it may. A response that comes too late is discarded.
 */
export function awaitUserCode<Result>(
  waiting: UserCodeWait,
  result: Result | Promise<Result>,
): Promise<Result> {
  const { core, signal, deadline, what } = waiting
  const { clock, service, onClose } = core
  return new Promise((resolve, reject) => {
    const onClosed = (): void => rejectWith(core.closeError)
    const onAborted = (): void => rejectWith(signal?.reason)
    const total = Math.min(waiting.total, deadline - clock.now())
    const onTimeout = (): void =>
      rejectWith(timeoutError(`no answer from ${what} of ${service} within ${Math.round(total)} ms`))
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
    Promise.resolve(result).then((value) => {
      if (settle()) resolve(value)
      else if (value instanceof Response) discardResponse(value)
    }, rejectWith)
    if (core.closeError) onClosed()
    else if (signal?.aborted) onAborted()
  })
}
