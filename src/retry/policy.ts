import { checkFunction, checkNumber, checkObject } from '../options.ts'

/** How long a retry waits. */
export interface BackoffOptions {
  /** The longest wait before the first retry, in ms. @default 25 */
  initial?: number
  /** What the longest wait grows by with each retry. @default 2 */
  factor?: number
  /** No retry waits longer, in ms. @default 1_000 */
  max?: number
}

/** How often a failed call is tried again, when, and after how long. */
export interface RetryOptions {
  /** Tries in all, the first included. @default 3 */
  attempts?: number
  /** Full jitter: each wait is a random share of `initial × factor^n`. A number is `initial`. */
  backoff?: number | BackoffOptions
  /**
   * Decides about a failed try, or an answer from 400 on, itself: true to try again, false not to, undefined for the default. True is
   * no promise: `attempts`, the time left, the budget and the breakers still decide. It is not asked about a body that was sent and cannot
   * be sent again, nor about what would be no better elsewhere, such as a mistake of the caller's. It may be asked twice about
   * a try of which nothing was sent.
   */
  when?: (failure: RetryFailure) => boolean | undefined
  /**
   * Longest Retry-After to believe, in ms. If the only instance asks for more, the call ends with that answer; the instance is left alone
   * for that long at most.
   * @default 10_000
   */
  maxRetryAfter?: number
}

/** A try that failed. */
export interface RetryFailure {
  /** 1 for the first try. */
  readonly attempt: number
  /** Of the answer; absent when there was none. */
  readonly status?: number
  readonly error?: unknown
  /** False when nothing of the request can have reached the instance. */
  readonly sent: boolean
}

export interface RetryPolicy {
  readonly attempts: number
  readonly when: RetryOptions['when']
  readonly backoff: Readonly<Required<BackoffOptions>>
  readonly maxRetryAfter: number
}

/** The default of `maxRetryAfter`; it bounds pauses also where nothing is retried. */
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
    attempts: checkNumber(`${name}.attempts`, attempts, { min: 1, integer: true }),
    backoff: Object.freeze({
      initial: checkNumber(`${name}.backoff.initial`, initial),
      factor: checkNumber(`${name}.backoff.factor`, factor, { min: 1 }),
      max: checkNumber(`${name}.backoff.max`, max, { min: initial }),
    }),
    maxRetryAfter: checkNumber(`${name}.maxRetryAfter`, maxRetryAfter),
  })
}

/** Milliseconds to wait after the `failures`th failed attempt: full jitter, so that retries never march in step. */
export function backoffDelay({ backoff }: RetryPolicy, failures: number, random: number): number {
  return random * Math.min(backoff.initial * backoff.factor ** (failures - 1), backoff.max)
}
