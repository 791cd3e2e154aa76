/** What a source's error says about how it goes on. */
export type SourceFailure =
  /** Somebody has to change something: a wrong credential, a wrong address, a source that is programmed wrongly. */
  | 'permanent'
  /** Nobody is there now. */
  | 'unreachable'
  /** It may be over with the next try. */
  | 'unclear'

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT', 'EACCES'])
/** Answers of 4xx that another try may well improve on: 408, 425, 429. */
const PASSING = new Set([408, 425, 429])
const MAX_DEPTH = 5

/** Looks through the causes of an error, for sources wrap what they run into. */
export function sourceFailure(error: unknown): SourceFailure {
  let isMistake = false
  let at = error
  for (let depth = 0; depth < MAX_DEPTH && typeof at === 'object' && at !== null; depth++) {
    const { code, status, cause, errors } = at as Record<'code' | 'status' | 'cause' | 'errors', unknown>
    if (typeof status === 'number' && status >= 400 && status < 500 && !PASSING.has(status))
      return 'permanent'
    if (code === 'ERR_OUTRIGGER_SOURCE') isMistake = true
    else if (typeof code === 'string') return UNREACHABLE.has(code) ? 'unreachable' : 'unclear'
    isMistake ||= at instanceof TypeError || at instanceof RangeError
    at = cause ?? (Array.isArray(errors) ? (errors[0] as unknown) : undefined)
  }
  return isMistake ? 'permanent' : 'unclear'
}

/** The end of a sentence on why no instance is known. */
export function sourceTrouble(error: unknown): string {
  if (error === undefined) return 'its source lists none'
  const failure = sourceFailure(error)
  if (failure === 'permanent') return 'its source fails and will until somebody mends it, see cause'
  return failure === 'unreachable'
    ? 'its source cannot be reached, see cause'
    : 'its source failed, see cause'
}
