import { quote } from '../options.ts'

/** Returns `value` if it is a non-empty string, otherwise throws an error that names the option. */
export function checkText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`${name} must be a string that is not empty, got ${quote(value)}`)
}

/** Turns `10.0.0.7:8080` into a url. Returns any other text unchanged. */
export function withScheme(text: string, scheme = 'http'): string {
  return /^(\[[\da-f:.]+\]|[^\s/:@?#[\]]+):\d{1,5}$/i.test(text) ? `${scheme}://${text}` : text
}

/** Like JSON.parse, but the error quotes no part of the text, because the text may contain credentials. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new SyntaxError('it is not valid JSON')
  }
}
