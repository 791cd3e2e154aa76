import pRetry from 'p-retry'
import type { Call } from './call.ts'
import { announceRetry } from './failed-try.ts'
import type { TryResult } from './operation.ts'
import { decideRetry, whyNoEndpoint } from './retry-decision.ts'
import { runRound } from './round.ts'

/** Thrown to make p-retry run another round. One shared object: creating an Error with a stack is slow. */
const NEXT_ROUND = new Error('again')

/**
 * Runs further rounds after the first one, until a result is good or no retry is allowed. The first of them starts in
 * `delay` ms. p-retry runs the loop. Resolves to the last result, good or bad.
 */
export async function retryLoop<T>(call: Call<T>, first: TryResult<T>, delay: number): Promise<TryResult<T>> {
  let last = first
  let wait = delay
  const waitForRound = (): Promise<void> | undefined => {
    announceRetry(call, last, wait)
    return wait > 0 ? call.sleep(wait) : undefined
  }
  // p-retry calls this with 1, 2, …: the number of rounds after the first, with this one.
  const runNextRound = async (retries: number): Promise<TryResult<T>> => {
    const attempt = call.acquire()
    // No endpoint is available for another try. Return the last result instead of an error.
    if (!attempt) {
      if (call.journal) {
        call.journal.retriesDenied = 'breaker'
        call.journal.notRetried = whyNoEndpoint(call)
      }
      return last
    }
    call.discard(last)
    last = await new Promise((resolve) => runRound(call, attempt, resolve))
    const next = decideRetry(call, last, retries + 1)
    if (next === undefined) return last
    wait = next
    throw NEXT_ROUND
  }
  try {
    await waitForRound()
    return await pRetry(runNextRound, {
      retries: Infinity,
      minTimeout: 0,
      // Only NEXT_ROUND asks for another round. Any other error comes from the user's strategy or `retry.when` and
      // fails the call.
      onFailedAttempt: ({ error }) => (error === NEXT_ROUND ? waitForRound() : undefined),
      shouldRetry: ({ error }) => error === NEXT_ROUND,
    })
  } catch (error) {
    // Nobody will read this response. Without this, it would keep its connection.
    call.discard(last)
    throw error
  }
}
