import { quote } from '../options.ts'

/** Returns `value` if it is a string that is not empty; throws an error naming the option otherwise. */
export function checkText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`${name} must be a string that is not empty, got ${quote(value)}`)
}
