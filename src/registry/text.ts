import { quote } from '../options.ts'

/** Returns `value` if it is a string that is not empty; throws an error naming the option otherwise. */
export function checkText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`${name} must be a string that is not empty, got ${quote(value)}`)
}

/** `10.0.0.7:8080` as an url; anything else as it is. */
export function withScheme(text: string, scheme = 'http'): string {
  return /^(\[[\da-f:.]+\]|[^\s/:@?#[\]]+):\d{1,5}$/i.test(text) ? `${scheme}://${text}` : text
}

/** As JSON.parse, with an error that quotes nothing of the text: it may hold credentials. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new SyntaxError('it is not valid JSON')
  }
}
