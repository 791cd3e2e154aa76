import pRetry from 'p-retry'
import type { Call } from './call.ts'
import { announceRetry } from './failed-try.ts'
import type { Tried } from './operation.ts'
import { decideRetry, whyNobody } from './retry-decision.ts'
import { round } from './round.ts'

/** Thrown to make p-retry run another round. One shared object: creating an Error with a stack is slow. */
const AGAIN = new Error('again')

/**
 * Goes on after a first round, `delay` ms from now, until an answer is good or nothing more may be tried. p-retry
 * runs the loop; the last answer comes out of it as it is, good or bad.
 */
export async function retryLoop<T>(call: Call<T>, first: Tried<T>, delay: number): Promise<Tried<T>> {
  let last = first
  let wait = delay
  const pause = (): Promise<void> | undefined => {
    announceRetry(call, last, wait)
    return wait > 0 ? call.sleep(wait) : undefined
  }
  const again = async (retries: number): Promise<Tried<T>> => {
    const attempt = call.acquire()
    // No endpoint is available for another try. Return the last answer instead of an error.
    if (!attempt) {
      if (call.journal) {
        call.journal.retriesDenied = 'breaker'
        call.journal.notRetried = whyNobody(call)
      }
      return last
    }
    call.discard(last)
    last = await new Promise((resolve) => round(call, attempt, resolve))
    const next = decideRetry(call, last, retries + 1)
    if (next === undefined) return last
    wait = next
    throw AGAIN
  }
  try {
    await pause()
    return await pRetry(again, {
      retries: Infinity,
      minTimeout: 0,
      // Only AGAIN asks for another round. Any other error comes from the user's strategy or `retry.when` and fails the call.
      onFailedAttempt: ({ error }) => (error === AGAIN ? pause() : undefined),
      shouldRetry: ({ error }) => error === AGAIN,
    })
  } catch (error) {
    // Its connection would wait for a reader.
    call.discard(last)
    throw error
  }
}
