import { checkNumber, quote } from '../../options.ts'
import { redactUrl } from '../origin.ts'
import type { TlsSource } from './connector.ts'
import { MAX_ANSWER } from './json-lines.ts'
import { checkTls } from './tls.ts'

/**
 * Returns a registry's url without trailing slashes. Credentials are refused, because separate options exist
 * for them.
 */
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

/** Not a regular expression: that would take quadratic time for a long run of slashes. */
function withoutSlashes(text: string): string {
  let end = text.length
  while (text[end - 1] === '/') end--
  return text.slice(0, end)
}

/** Checks the TLS options and returns a copy, or returns the function that provides them. */
export function tlsOf(value: TlsSource | undefined): TlsSource | undefined {
  if (value === undefined || typeof value === 'function') return value
  return { ...checkTls(value) }
}

/** Returns the maximum size of an answer in bytes. */
export function checkMaxAnswer(value: unknown = MAX_ANSWER): number {
  return checkNumber('maxAnswerSize', value, { min: 1, integer: true })
}

/** Checks a string without quoting it in the error. */
export function checkSecret(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`${name} must be a string that is not empty`)
}

export function checkService(service: unknown): void {
  if (typeof service !== 'string' || service === '' || service.includes('/')) {
    throw new TypeError(`service must be a non-empty string without a slash, got ${quote(service)}`)
  }
}

/** Checks a url that is requested. It may have a query, but no credentials: use headers for them. */
export function checkRequestUrl(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, got ${quote(value)}`)
  const url = URL.parse(value)
  const http = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url && http && !url.username && !url.password && !url.hash) return url.href
  const rule = 'an http or https url without credentials and fragment'
  throw new TypeError(`${name} must be ${rule}, got ${quote(redactUrl(value))}`)
}
