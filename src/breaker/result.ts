import { OutriggerError } from '../errors.ts'
import { asked } from '../hooks/asked.ts'
import type { Outcome } from '../observe/events.ts'
import { isOutcome } from '../observe/outcome.ts'
import { MAX_PAUSE } from './open-time.ts'
import { retryAfter } from '../verdict/retry-after.ts'
import { answerVerdict, mayAskForPause } from '../verdict/answer.ts'
import { CLASSIFY } from '../verdict/classify.ts'
import { isA, readOf } from '../hooks/thrown.ts'

/** Decides how a settled call counts. Undefined means the default. */
export type ClassifyResult = (result: PromiseSettledResult<unknown>) => Outcome | undefined

/** How a call counts, and the pause in milliseconds that its server asked for. */
export interface Counted {
  readonly outcome: Outcome
  readonly retryAfter: number
}

const SUCCESS: Counted = { outcome: 'success', retryAfter: 0 }

/**
 * Counts a result by the user function `classify`. If it throws or returns no outcome, there is a warning, and the default is
 * used.
 */
export function counted(
  result: PromiseSettledResult<unknown>,
  classify: ClassifyResult | undefined,
  unixNow: number,
): Counted {
  const standard = byDefault(result, unixNow)
  const own = classify && asked(() => classify(result), readOutcome, classify, CLASSIFY)
  return own === undefined ? standard : { outcome: own, retryAfter: standard.retryAfter }
}

function byDefault(result: PromiseSettledResult<unknown>, unixNow: number): Counted {
  if (result.status === 'fulfilled') {
    const { value } = result
    return readOf(() => (isAnswer(value) ? ofAnswer(value, unixNow) : SUCCESS), SUCCESS)
  }
  return { outcome: isA(result.reason, OutriggerError) ? 'ignored' : 'failure', retryAfter: 0 }
}

interface Answer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
}

/** True for a Response of any package. Its status decides how the call counts. */
export function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null) return false
  return readOf(() => {
    const { status, headers } = value as { status?: unknown; headers?: unknown }
    if (typeof status !== 'number' || typeof headers !== 'object' || headers === null) return false
    return typeof (headers as { get?: unknown }).get === 'function'
  }, false)
}

function ofAnswer({ status, headers }: Answer, unixNow: number): Counted {
  const retryAfterHeader = mayAskForPause(status) ? headers.get('retry-after') : null
  // Without the headers, a 503 with Retry-After is a failure and not an overload. A client avoids an instance that asks for a
  // pause. A standalone breaker must do this itself.
  const { outcome } = answerVerdict({ status }, undefined)
  const pause =
    retryAfterHeader === null ? 0 : retryAfter(retryAfterHeader, headers.get('date') ?? undefined, unixNow)
  // Also if `openFor.max` is longer: only a client accepts more.
  return { outcome, retryAfter: Math.min(pause, MAX_PAUSE) }
}

function readOutcome(value: unknown): Outcome | undefined {
  return isOutcome(value) ? value : undefined
}
