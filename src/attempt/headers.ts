import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Dispatcher } from '../undici.ts'

/** Request headers as an array or an object, the two forms that are read without a conversion. */
export type PlainHeaders = string[] | IncomingHttpHeaders | OutgoingHttpHeaders

const NONE: PlainHeaders = Object.freeze({})

export function plainHeaders(headers: Dispatcher.DispatchOptions['headers']): PlainHeaders {
  if (headers === null || headers === undefined) return NONE
  if (Array.isArray(headers)) return headers
  return typeof headers === 'object' && Symbol.iterator in headers ? Object.fromEntries(headers) : headers
}

/**
 * Throws a TypeError unless undici's `request` accepts these headers. It does not accept an array of pairs, and its
 * own error does not name the accepted forms.
 */
export function checkPlainHeaders(headers: unknown): void {
  if (headers === null || headers === undefined) return
  const isFlat = (list: readonly unknown[]): boolean =>
    list.length % 2 === 0 && list.every((each, index) => index % 2 === 1 || typeof each === 'string')
  if (Array.isArray(headers) ? isFlat(headers) : typeof headers === 'object') return
  const shape = "an object, a Headers, or an array of names and values in turn such as ['accept', '*/*']"
  // The headers are not quoted: they may contain secrets.
  const given = Array.isArray(headers) ? 'an array of another shape' : `a ${typeof headers}`
  throw new TypeError(`headers must be ${shape}, got ${given}`)
}

/**
 * Returns a copy of the headers as a `PlainHeaders`. The caller may change the original while the request waits or is
 * sent again.
 */
export function copyPlainHeaders(headers: Dispatcher.DispatchOptions['headers']): PlainHeaders {
  const plain = plainHeaders(headers)
  if (plain === NONE || typeof plain !== 'object') return plain
  if (Array.isArray(plain)) return [...plain]
  const copy = { ...plain }
  for (const name in copy) {
    const value = copy[name]
    if (Array.isArray(value) && Object.hasOwn(copy, name)) copy[name] = [...value]
  }
  return copy
}

export function hasHost(headers: PlainHeaders): boolean {
  if (Array.isArray(headers)) {
    return headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
  }
  for (const name in headers) {
    if (name.length === 4 && name.toLowerCase() === 'host' && Object.hasOwn(headers, name)) return true
  }
  return false
}

/**
 * On Node 22, fetch passes the caller's Content-Length together with its own, as `5, 5`. This replaces several equal
 * values by one (RFC 9110, section 8.6).
 */
export function mergeContentLengths(headers: PlainHeaders): PlainHeaders {
  if (Array.isArray(headers)) {
    const at = headers.findIndex((name, index) => index % 2 === 0 && isContentLength(name))
    const one = at < 0 ? undefined : mergedLength(headers[at + 1])
    return one === undefined ? headers : headers.toSpliced(at + 1, 1, one)
  }
  for (const name in headers) {
    if (!isContentLength(name) || !Object.hasOwn(headers, name)) continue
    const one = mergedLength(headers[name])
    if (one !== undefined) return { ...headers, [name]: one }
  }
  return headers
}

/** Returns the headers with this Content-Length, which replaces an existing one. */
export function withContentLength(
  headers: Dispatcher.DispatchOptions['headers'],
  length: string,
): PlainHeaders {
  const plain = plainHeaders(headers)
  if (Array.isArray(plain)) {
    const at = plain.findIndex((name, index) => index % 2 === 0 && isContentLength(name))
    return at < 0 ? [...plain, 'content-length', length] : plain.toSpliced(at + 1, 1, length)
  }
  const name = Object.keys(plain).find(isContentLength) ?? 'content-length'
  return { ...plain, [name]: length }
}

function isContentLength(name: unknown): boolean {
  return typeof name === 'string' && name.length === 14 && name.toLowerCase() === 'content-length'
}

/** Returns the value of a list of equal values, and undefined for anything else. */
function mergedLength(value: unknown): string | undefined {
  if (typeof value !== 'string' || !value.includes(',')) return undefined
  const [first = '', ...others] = value.split(',').map((each) => each.trim())
  return /^\d+$/.test(first) && others.every((each) => each === first) ? first : undefined
}

export function withHost(headers: PlainHeaders, host: string): PlainHeaders {
  return Array.isArray(headers) ? [...headers, 'host', host] : { ...headers, host }
}

/**
 * Returns the headers with those in `extra`, which replace headers of the same name. The names in `extra` are in
 * lower case.
 */
export function withExtra(headers: PlainHeaders, extra: Readonly<Record<string, string>>): PlainHeaders {
  if (!Array.isArray(headers)) {
    const isNamed = (name: string): boolean => Object.hasOwn(extra, name.toLowerCase())
    if (!Object.keys(headers).some(isNamed)) return { ...headers, ...extra }
    const others = Object.entries(headers).filter(([name]) => !isNamed(name))
    return Object.assign(Object.fromEntries(others), extra)
  }
  const kept: string[] = []
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = '', value = ''] = headers.slice(at, at + 2)
    if (!Object.hasOwn(extra, name.toLowerCase())) kept.push(name, value)
  }
  for (const [name, value] of Object.entries(extra)) kept.push(name, value)
  return kept
}

/** Returns the value of a header by its lower-case name: the first one if there are several. */
export function headerOf(headers: Dispatcher.DispatchOptions['headers'], name: string): string | undefined {
  const plain = plainHeaders(headers)
  if (Array.isArray(plain)) {
    const at = plain.findIndex((header, index) => index % 2 === 0 && header.toLowerCase() === name)
    return at < 0 ? undefined : plain[at + 1]
  }
  for (const [key, value] of Object.entries(plain)) {
    if (key.toLowerCase() === name) return Array.isArray(value) ? value[0] : value?.toString()
  }
  return undefined
}
