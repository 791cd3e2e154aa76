import type { Journal } from '../observe/journal.ts'
import type { Trail } from '../observe/trail.ts'
import { abortedBy } from './ending.ts'

/**
 * A call that several callers share (`coalesce`): when the caller who began it leaves, the call has ended for him, and goes on
 * for the others. Returns what stops listening.
 */
export function watchFirstCaller(
  firstCallerSignal: AbortSignal,
  journal: Journal,
  trail: () => Trail | undefined,
): () => void {
  const leave = (): void => journal.leave({ ...abortedBy(firstCallerSignal.reason), trail: trail() })
  if (firstCallerSignal.aborted) leave()
  else firstCallerSignal.addEventListener('abort', leave, { once: true })
  return () => firstCallerSignal.removeEventListener('abort', leave)
}
