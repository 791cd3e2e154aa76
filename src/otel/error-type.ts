import { readOf } from '../hooks/thrown.ts'

/** `error.type` of an answer's status: 4xx and 5xx are errors to a client. */
export function statusError(status: number | undefined): string | undefined {
  return status !== undefined && status >= 400 ? String(status) : undefined
}

/** `error.type` of what was thrown, of few values: a code such as ECONNREFUSED, or the name of its class; never its message. */
export function errorType(error: unknown): string {
  return readOf(() => typeOf(error), '_OTHER')
}

function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER'
  const { code, name, cause } = error as Error & { readonly code?: unknown }
  if (isWord(code)) return code
  // `TypeError: fetch failed` says nothing; its cause does.
  if (name === 'TypeError' && cause instanceof Error) return errorType(cause)
  return isWord(name) ? name : '_OTHER'
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.-]{1,60}$/.test(value)
}
