import { nextCallId } from '../observe/call-id.ts'
import type { AttemptEvent } from '../observe/events.ts'
import type { Writable } from '../observe/writable.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import type { Attempt } from './attempt.ts'

/** Makes the `attempt` event of an attempt that has its verdict. `duration` is in ms, `at` in Unix milliseconds. */
export function attemptEvent(
  attempt: Attempt,
  verdict: Verdict,
  duration: number,
  service: string,
  at: number,
): AttemptEvent {
  const { outcome, whose } = verdict
  const { instance, number, route, status, error, trail } = attempt
  const id = trail?.id ?? nextCallId()
  // Assignments are cheaper here: a spread for each member that may be absent would create an object per attempt.
  const event: Writable<AttemptEvent> = {
    service,
    at,
    id,
    instance,
    attempt: number,
    outcome,
    whose,
    duration,
  }
  if (trail?.hedge) event.hedge = true
  if (verdict === VERDICTS.abandoned && status === undefined) event.cancelled = true
  if (trail?.connect !== undefined) event.connect = trail.connect
  if (trail?.firstByte !== undefined) event.firstByte = trail.firstByte
  if (route !== undefined) event.route = route
  if (status !== undefined) event.status = status
  if (error !== undefined) event.error = error
  return event
}
