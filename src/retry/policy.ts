import { checkFunction, checkNumber, checkObject } from '../options.ts'

/** How long a retry waits. */
export interface BackoffOptions {
  /** The maximum wait before the first retry, in milliseconds. @default 25 */
  initial?: number
  /** The factor by which the maximum wait grows with each retry. @default 2 */
  factor?: number
  /** The maximum wait before any retry, in milliseconds. @default 1_000 */
  max?: number
}

/** How often a failed call is tried again, when, and after how long. */
export interface RetryOptions {
  /** The total number of tries, including the first. @default 3 */
  attempts?: number
  /** The wait before a retry: a random time between 0 and `initial × factor^n` (full jitter). A number is `initial`. */
  backoff?: number | BackoffOptions
  /**
   * Decides whether to retry a failed try, or a response with status 400 or above: true to retry, false not to,
   * undefined for the default. After true, `attempts`, the remaining time, the budget and the breakers can still
   * prevent the retry. The function is not called if the body was sent and cannot be sent again, nor if another
   * instance would fail too, as after an error of the caller. It may be called twice for a try of which nothing was
   * sent.
   */
  when?: (failure: RetryFailure) => boolean | undefined
  /**
   * The maximum Retry-After that is accepted, in milliseconds. If the only instance asks for more, the call ends with
   * that response. The instance is avoided for at most this time.
   * @default 10_000
   */
  maxRetryAfter?: number
}

/** A try that failed. */
export interface RetryFailure {
  /** The number of the try, counted from 1. */
  readonly attempt: number
  /** The HTTP status of the response; absent if there was none. */
  readonly status?: number
  readonly error?: unknown
  /** False if nothing of the request can have reached the instance. */
  readonly sent: boolean
}

/** The option `retry`, checked. `decideRetry` and `replaceUnsent` (call/retry-decision.ts) apply it. */
export interface RetryPolicy {
  readonly attempts: number
  readonly when: RetryOptions['when']
  readonly backoff: Readonly<Required<BackoffOptions>>
  readonly maxRetryAfter: number
}

/** The default of `maxRetryAfter`. It also limits pauses when retries are off. */
export const MAX_RETRY_AFTER = 10_000

/** Somebody may write the number of tries itself. */
const KIND = 'an object such as { attempts: 3 }, or false'

const BACKOFF: Required<BackoffOptions> = { initial: 25, factor: 2, max: 1000 }

export function retryPolicy(options: RetryOptions = {}, name: string = 'retry'): RetryPolicy {
  checkObject(name, options, ['attempts', 'backoff', 'when', 'maxRetryAfter'], KIND)
  const { attempts = 3, backoff = {}, maxRetryAfter = MAX_RETRY_AFTER, when } = options
  if (when !== undefined) checkFunction(`${name}.when`, when)
  const steps = typeof backoff === 'number' ? { initial: backoff } : backoff
  checkObject(`${name}.backoff`, steps, Object.keys(BACKOFF))
  const { initial = BACKOFF.initial, factor = BACKOFF.factor, max = Math.max(BACKOFF.max, initial) } = steps
  return Object.freeze({
    when,
    attempts: checkNumber(`${name}.attempts`, attempts, {
      min: 1,
      integer: true,
    }),
    backoff: Object.freeze({
      initial: checkNumber(`${name}.backoff.initial`, initial),
      factor: checkNumber(`${name}.backoff.factor`, factor, { min: 1 }),
      max: checkNumber(`${name}.backoff.max`, max, { min: initial }),
    }),
    maxRetryAfter: checkNumber(`${name}.maxRetryAfter`, maxRetryAfter),
  })
}

/**
 * Returns the wait in milliseconds after the given number of failed attempts. Full jitter prevents retries of many
 * calls at the same time.
 */
export function backoffDelay({ backoff }: RetryPolicy, failures: number, random: number): number {
  return random * Math.min(backoff.initial * backoff.factor ** (failures - 1), backoff.max)
}
