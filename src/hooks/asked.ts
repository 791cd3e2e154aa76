import { quote } from '../quote.ts'
import { disown } from './disown.ts'
import { warnOnce } from './warn-once.ts'

export interface AskedWarning {
  /** What is asked, `'classify'`. */
  readonly name: string
  /** What it should have returned, `'an outcome'`. */
  readonly rule: string
  /** What happens now, `'the default is used instead'`. */
  readonly instead: string
  readonly code: string
}

/**
 * The answer of a function of the user's that has a default, read by `read`. Undefined, for the default, if it returns undefined. Also if
 * it throws, or returns what `read` gives undefined for: then there is one process warning for each `subject`.
 */
export function asked<Answer>(
  ask: () => unknown,
  read: (value: unknown) => Answer | undefined,
  subject: object,
  { name, rule, instead, code }: AskedWarning,
): Answer | undefined {
  let what: string
  try {
    const value = ask()
    if (value === undefined) return undefined
    const isAsync = disown(value)
    const answer = isAsync ? undefined : read(value)
    if (answer !== undefined) return answer
    what = `returned ${quote(value)}, not ${rule}${isAsync ? ' (it must not be async)' : ''}`
  } catch (error) {
    what = `threw ${quote(error)}`
  }
  warnOnce(subject, `${name} ${what}; ${instead}`, code)
  return undefined
}
