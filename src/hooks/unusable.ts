import { quote } from '../quote.ts'
import { disown } from './disown.ts'

/** Makes the error for an invalid result of a user function. If the result is a promise, its rejection is handled. */
export function unusable(name: string, rule: string, value: unknown): TypeError {
  const text = quote(value)
  const hint = disown(value) ? ' (it must not be async)' : ''
  return new TypeError(`${name} must return ${rule}, got ${text}${hint}`)
}
