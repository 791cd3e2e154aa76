import { nextCallId } from '../observe/call-id.ts'
import type { AttemptEvent } from '../observe/events.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import type { Attempt } from './attempt.ts'

/** What is told of an attempt whose outcome is known. */
export function attemptEvent(
  attempt: Attempt,
  verdict: Verdict,
  duration: number,
  service: string,
  at: number,
): AttemptEvent {
  const { outcome, whose } = verdict
  const { instance, number, route, status, error, trail } = attempt
  return {
    service,
    at,
    id: trail?.id ?? nextCallId(),
    instance,
    attempt: number,
    ...(trail?.hedge && { hedge: true }),
    ...(verdict === VERDICTS.abandoned && status === undefined && { cancelled: true }),
    outcome,
    whose,
    duration,
    ...(trail?.connect !== undefined && { connect: trail.connect }),
    ...(trail?.firstByte !== undefined && { firstByte: trail.firstByte }),
    ...(route !== undefined && { route }),
    ...(status !== undefined && { status }),
    ...(error !== undefined && { error }),
  }
}
