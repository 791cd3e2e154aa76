import { OutriggerError } from '../errors.ts'
import type { Outcome } from '../observe/events.ts'

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
  return custom?.(result) ?? byDefault(result)
}

function byDefault({ status, headers, error }: AttemptResult): Outcome {
  if (error !== undefined) return error instanceof OutriggerError ? 'ignored' : 'failure'
  if (status === undefined) return 'success'
  if (status === 429 || (status === 503 && headers?.['retry-after'] !== undefined)) return 'overload'
  return status >= 500 && !HEALTHY_5XX.has(status) ? 'failure' : 'success'
}
