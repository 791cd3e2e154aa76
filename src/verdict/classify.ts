import { asked, type AskedWarning } from '../hooks/asked.ts'
import type { Outcome } from '../observe/events.ts'
import { isOutcome } from '../observe/outcome.ts'

/** What one attempt brought: a status with headers, or an error, or for `execute` any value. */
export interface AttemptResult {
  /** Of the answer; absent when there was none. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string | string[] | undefined>> | undefined
  readonly error?: unknown
  /** What the function given to `execute` resolved with. */
  readonly value?: unknown
}

/** An outcome, and for how long the instance should be left alone. */
export interface Judgement {
  readonly outcome: Outcome
  /**
   * Milliseconds in which the client avoids the instance while another may be picked; 0 is no pause.
   * @default what Retry-After asks for with `overload`, otherwise 0
   */
  readonly pause?: number
}

/** Decides what an attempt says about its instance; undefined leaves it to the default. */
export type Classify = (result: AttemptResult) => Outcome | Judgement | undefined

export const CLASSIFY: AskedWarning = Object.freeze({
  name: 'classify',
  rule: 'an outcome',
  instead: 'the default is used instead',
  code: 'OUTRIGGER_CLASSIFY',
})

/** What the user's own `classify` says. If it throws, or returns no outcome, there is a warning and the default is used. */
export function askClassify(custom: Classify | undefined, result: AttemptResult): Judgement | undefined {
  return custom && asked(() => custom(result), judgementOf, custom, CLASSIFY)
}

/** Only an overload asks for a pause by itself. */
const BARE: Readonly<Record<Outcome, Judgement>> = {
  success: { outcome: 'success', pause: 0 },
  failure: { outcome: 'failure', pause: 0 },
  overload: { outcome: 'overload' },
  ignored: { outcome: 'ignored', pause: 0 },
}

/** A copy: each member is read once, and a getter of the user's may throw. */
function judgementOf(value: unknown): Judgement | undefined {
  if (isOutcome(value)) return BARE[value]
  if (typeof value !== 'object' || value === null) return undefined
  const { outcome, pause } = value as { outcome?: unknown; pause?: unknown }
  if (!isOutcome(outcome)) return undefined
  if (pause === undefined) return BARE[outcome]
  return typeof pause === 'number' && pause >= 0 ? { outcome, pause } : undefined
}
