import { checkNumber, quote } from '../../options.ts'
import { redactUrl } from '../origin.ts'
import type { TlsSource } from './connector.ts'
import { MAX_ANSWER } from './json-lines.ts'
import { checkTls } from './tls.ts'

/** A registry's url without its trailing slash; credentials have options of their own and are refused here. */
export function checkRegistryUrl(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, got ${quote(value)}`)
  const url = URL.parse(value)
  const http = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (!url || !http || url.username || url.password || url.search || url.hash) {
    const rule = 'an http or https url without credentials, query and fragment'
    throw new TypeError(`${name} must be ${rule}, got ${quote(redactUrl(value))}`)
  }
  return url.href.endsWith('/') ? withoutSlashes(url.href) : url.href
}

/** Not a regular expression, which would look at a run of slashes once for each of them. */
function withoutSlashes(text: string): string {
  let end = text.length
  while (text[end - 1] === '/') end--
  return text.slice(0, end)
}

/** Returns a copy, or the function that gives it. */
export function tlsOf(value: TlsSource | undefined): TlsSource | undefined {
  if (value === undefined || typeof value === 'function') return value
  return { ...checkTls(value) }
}

/** Returns how many bytes an answer may have. */
export function checkMaxAnswer(value: unknown = MAX_ANSWER): number {
  return checkNumber('maxAnswerSize', value, { min: 1, integer: true })
}

/** A string that must not be quoted in an error. */
export function checkSecret(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`${name} must be a string that is not empty`)
}

export function checkService(service: unknown): void {
  if (typeof service !== 'string' || service === '' || service.includes('/')) {
    throw new TypeError(`service must be a string without a slash that is not empty, got ${quote(service)}`)
  }
}

/** An url to be asked; it may have a query, but no credentials, for which headers are the place. */
export function checkRequestUrl(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, got ${quote(value)}`)
  const url = URL.parse(value)
  const http = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url && http && !url.username && !url.password && !url.hash) return url.href
  const rule = 'an http or https url without credentials and fragment'
  throw new TypeError(`${name} must be ${rule}, got ${quote(redactUrl(value))}`)
}
