import { asked, type AskedWarning } from '../hooks/asked.ts'
import type { Outcome } from '../observe/events.ts'
import { isOutcome } from '../observe/outcome.ts'

/** The result of one attempt: a status with headers, or an error, or the value of an `execute` function. */
export interface AttemptResult {
  /** The HTTP status of the response; absent if there was none. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string | string[] | undefined>> | undefined
  readonly error?: unknown
  /** The value with which the function of `execute` resolved. */
  readonly value?: unknown
}

/** An outcome, and how long the instance should be avoided. */
export interface Judgement {
  readonly outcome: Outcome
  /**
   * How long the client avoids the instance if another one may be picked, in milliseconds; 0 means no pause.
   *
   * @default for `overload` what Retry-After asks for, otherwise 0
   */
  readonly pause?: number
}

/**
 * A function that decides what an attempt tells about its instance. Undefined means the default. With `fallback`, `stale` or
 * `coalesce`, `fetch` calls it again for the response of each caller. So it must return the same for the same response.
 */
export type Classify = (result: AttemptResult) => Outcome | Judgement | undefined

export const CLASSIFY: AskedWarning = Object.freeze({
  name: 'classify',
  rule: 'an outcome',
  instead: 'the default is used instead',
  code: 'OUTRIGGER_CLASSIFY',
})

/**
 * Calls the user function `classify`. If it throws, or returns no outcome, there is a warning and the default is used.
 */
export function askClassify(custom: Classify | undefined, result: AttemptResult): Judgement | undefined {
  return custom && asked(() => custom(result), judgementOf, custom, CLASSIFY)
}

/**
 * For a `classify` that returns only an outcome. Undefined as `pause` means the pause that the server asked for: only
 * `overload` uses it.
 */
const OUTCOME_ONLY: Readonly<Record<Outcome, Judgement>> = {
  success: { outcome: 'success', pause: 0 },
  failure: { outcome: 'failure', pause: 0 },
  overload: { outcome: 'overload' },
  ignored: { outcome: 'ignored', pause: 0 },
}

/** Makes a copy: each member is read only once, because a getter of the user may throw. */
function judgementOf(value: unknown): Judgement | undefined {
  if (isOutcome(value)) return OUTCOME_ONLY[value]
  if (typeof value !== 'object' || value === null) return undefined
  const { outcome, pause } = value as { outcome?: unknown; pause?: unknown }
  if (!isOutcome(outcome)) return undefined
  if (pause === undefined) return OUTCOME_ONLY[outcome]
  return typeof pause === 'number' && pause >= 0 ? { outcome, pause } : undefined
}
