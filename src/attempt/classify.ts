import { OutriggerError } from '../errors.ts'
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

/** Not implemented, or not in this version: the instance works, the request was wrong. */
const HEALTHY_5XX = new Set([501, 505])

export function classify(result: AttemptResult, custom: Classify | undefined): Outcome {
  return (custom && judged(custom, result)) ?? byDefault(result)
}

/** A classifier that breaks must not break calls: it is heard of, and passed over. */
function judged(custom: Classify, result: AttemptResult): Outcome | undefined {
  let verdict: unknown
  try {
    verdict = custom(result)
  } catch (error) {
    warn(custom, `threw ${quote(error)}`)
    return undefined
  }
  if (verdict === undefined || isOutcome(verdict)) return verdict
  disown(verdict)
  warn(custom, `returned ${quote(verdict)}, which is no outcome`)
  return undefined
}

function warn(custom: Classify, what: string): void {
  warnOnce(custom, `classify ${what}; the default is used instead`, 'OUTRIGGER_CLASSIFY')
}

function byDefault(result: AttemptResult): Outcome {
  const { status, headers, error } = result
  if ('error' in result) return error instanceof OutriggerError ? 'ignored' : 'failure'
  if (status === undefined) return 'success'
  if (status === 429 || (status === 503 && headers?.['retry-after'] !== undefined)) return 'overload'
  return status >= 500 && !HEALTHY_5XX.has(status) ? 'failure' : 'success'
}
