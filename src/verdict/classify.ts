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

/** Decides what an attempt says about its instance; undefined leaves it to the default. */
export type Classify = (result: AttemptResult) => Outcome | undefined

/** What the user's own `classify` says. If it throws, or returns no outcome, there is a warning and the default is used. */
export function asked(custom: Classify | undefined, result: AttemptResult): Outcome | undefined {
  if (!custom) return undefined
  let outcome: unknown
  try {
    outcome = custom(result)
  } catch (error) {
    warn(custom, `threw ${quote(error)}`)
    return undefined
  }
  if (outcome === undefined || isOutcome(outcome)) return outcome
  disown(outcome)
  warn(custom, `returned ${quote(outcome)}, which is no outcome`)
  return undefined
}

function warn(custom: Classify, what: string): void {
  warnOnce(custom, `classify ${what}; the default is used instead`, 'OUTRIGGER_CLASSIFY')
}
