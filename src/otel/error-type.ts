import { readOf } from '../hooks/thrown.ts'

/** The value of `error.type` for a status. For a client, 4xx and 5xx are errors. */
export function statusError(status: number | undefined): string | undefined {
  return status !== undefined && status >= 400 ? String(status) : undefined
}

/**
 * The value of `error.type` for an error: a code such as ECONNREFUSED, or the name of its class. Never its
 * message, because the attribute must have few values.
 */
export function errorType(error: unknown): string {
  return readOf(() => typeOf(error), '_OTHER')
}

function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER'
  const { code, name, cause } = error as Error & { readonly code?: unknown }
  if (isWord(code)) return code
  // `TypeError: fetch failed` has no information, so use its cause.
  if (name === 'TypeError' && cause instanceof Error) return errorType(cause)
  return isWord(name) ? name : '_OTHER'
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.-]{1,60}$/.test(value)
}
