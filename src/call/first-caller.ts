import type { Journal } from '../observe/journal.ts'
import type { Trail } from '../observe/trail.ts'
import { resultOfAbort } from './ending.ts'

/**
 * For a call that several callers share (`coalesce`). When the caller that started it aborts, the journal reports the end
 * of the call for that caller, and the call continues for the others. Returns a function that stops listening.
 */
export function watchFirstCaller(
  firstCallerSignal: AbortSignal,
  journal: Journal,
  trail: () => Trail | undefined,
): () => void {
  const leave = (): void => journal.leave({ ...resultOfAbort(firstCallerSignal.reason), trail: trail() })
  if (firstCallerSignal.aborted) leave()
  else firstCallerSignal.addEventListener('abort', leave, { once: true })
  return () => firstCallerSignal.removeEventListener('abort', leave)
}
