import { quote } from '../quote.ts'
import { disown } from './disown.ts'

/** The error about what a function of the user's has returned; a promise among it is heard to its end. */
export function unusable(name: string, rule: string, value: unknown): TypeError {
  const text = quote(value)
  const hint = disown(value) ? ' (it must not be async)' : ''
  return new TypeError(`${name} must return ${rule}, got ${text}${hint}`)
}
