import { disown } from '../hooks/disown.ts'
import type { Outcome } from '../observe/events.ts'
import { isOutcome } from '../observe/outcome.ts'
import { warnOnce } from '../observe/warn-once.ts'
import { quote } from '../options.ts'

/** What one attempt brought: a status with headers, or an error, or for `execute` any value. */
export interface AttemptResult {
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

/** What the user's own `classify` says. If it throws, or returns no outcome, there is a warning and the default is used. */
export function asked(custom: Classify | undefined, result: AttemptResult): Judgement | undefined {
  if (!custom) return undefined
  let judged: unknown
  try {
    judged = custom(result)
  } catch (error) {
    warn(custom, `threw ${quote(error)}`)
    return undefined
  }
  if (judged === undefined) return undefined
  if (isOutcome(judged)) return BARE[judged]
  if (isJudgement(judged)) return judged.pause === undefined ? BARE[judged.outcome] : judged
  disown(judged)
  warn(custom, `returned ${quote(judged)}, which is no outcome`)
  return undefined
}

/** Only an overload asks for a pause by itself. */
const BARE: Readonly<Record<Outcome, Judgement>> = {
  success: { outcome: 'success', pause: 0 },
  failure: { outcome: 'failure', pause: 0 },
  overload: { outcome: 'overload' },
  ignored: { outcome: 'ignored', pause: 0 },
}

function isJudgement(value: unknown): value is Judgement {
  if (typeof value !== 'object' || value === null) return false
  const { outcome, pause } = value as { outcome?: unknown; pause?: unknown }
  return isOutcome(outcome) && (pause === undefined || (typeof pause === 'number' && pause >= 0))
}

function warn(custom: Classify, what: string): void {
  warnOnce(custom, `classify ${what}; the default is used instead`, 'OUTRIGGER_CLASSIFY')
}
