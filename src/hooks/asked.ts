import { quote } from '../quote.ts'
import { disown } from './disown.ts'
import { warnOnce } from './warn-once.ts'

export interface AskedWarning {
  /** The function's name, such as `'classify'`. */
  readonly name: string
  /** What it should return, such as `'an outcome'`. */
  readonly rule: string
  /** What happens instead, such as `'the default is used instead'`. */
  readonly instead: string
  readonly code: string
}

/**
 * Calls a user function that has a default, and reads its result with `read`. Returns undefined, which means the
 * default, if the function returns undefined. It also returns undefined if the function throws or if `read` returns
 * undefined. Then the process gets one warning per `subject`.
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
