/** Whether a source that failed is likely to work again. */
export type SourceFailure =
  /** The source fails until somebody changes a credential, an address or the code of the source. */
  | 'permanent'
  /** The source cannot be reached now. */
  | 'unreachable'
  /** The next try may succeed. */
  | 'unclear'

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT', 'EACCES'])
/** 4xx responses after which another try may succeed: 408, 425 and 429. */
const RETRYABLE_4XX = new Set([408, 425, 429])
const MAX_DEPTH = 5

/** Also looks at the causes of the error, because sources wrap the errors that they catch. */
export function sourceFailure(error: unknown): SourceFailure {
  let isMistake = false
  let at = error
  for (let depth = 0; depth < MAX_DEPTH && typeof at === 'object' && at !== null; depth++) {
    const { code, status, cause, errors } = at as Record<'code' | 'status' | 'cause' | 'errors', unknown>
    if (typeof status === 'number' && status >= 400 && status < 500 && !RETRYABLE_4XX.has(status))
      return 'permanent'
    if (code === 'ERR_OUTRIGGER_SOURCE') isMistake = true
    else if (typeof code === 'string') return UNREACHABLE.has(code) ? 'unreachable' : 'unclear'
    isMistake ||= at instanceof TypeError || at instanceof RangeError
    at = cause ?? (Array.isArray(errors) ? (errors[0] as unknown) : undefined)
  }
  return isMistake ? 'permanent' : 'unclear'
}

/** Why no instance is known, as the end of a sentence. */
export function sourceTrouble(error: unknown): string {
  if (error === undefined) return 'its source lists none'
  const failure = sourceFailure(error)
  if (failure === 'permanent') return 'its source fails for a reason that a retry cannot fix, see cause'
  return failure === 'unreachable'
    ? 'its source cannot be reached, see cause'
    : 'its source failed, see cause'
}
