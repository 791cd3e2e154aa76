import { VERDICTS, type Verdict } from './verdict.ts'
import { readOf } from '../hooks/thrown.ts'

/** A timer that fires this many ms late was held up by this process, which may then have missed an answer too. */
const LATE = 20
/** A limit shorter than this many times an instance's usual latency says nothing about the instance. */
const PATIENCE = 2

/** How one try stood when the time of its call was up. */
export interface Spent {
  /** Milliseconds since the call began. */
  readonly call: number
  /** Milliseconds since the try left our own queue; -Infinity if it is still in there. */
  readonly attempt: number
  /** Milliseconds by which the timer fired late. */
  readonly late: number
  /** False when nothing can have reached the instance. */
  readonly sent: boolean
}

/** Whether this process did not look in time. */
export function isLate(ms: number): boolean {
  return ms >= LATE
}

/** The verdict on a try that ran into the time limit of its call: it is to blame if it had most of that time. */
export function limitVerdict({ call, attempt, late, sent }: Spent): Verdict {
  if (attempt === -Infinity) return VERDICTS.queued
  if (isLate(late)) return VERDICTS.lateTimer
  if (attempt * 2 < call) return VERDICTS.abandoned
  return sent ? VERDICTS.silent : VERDICTS.unreachable
}

/** The same where the limit was the caller's: one shorter than what an instance usually takes is no evidence. */
export function callersLimitVerdict(spent: Spent, usual: number | undefined): Verdict {
  if (usual !== undefined && spent.attempt < usual * PATIENCE) return VERDICTS.abandoned
  return limitVerdict(spent)
}

/** The verdict on a try that was over its own timeout. */
export function timeoutVerdict(sent: boolean): Verdict {
  return sent ? VERDICTS.silent : VERDICTS.unreachable
}

/** Whether an abort says that a time limit of the caller's has passed, as `AbortSignal.timeout` does. */
export function isTimeLimit(reason: unknown): boolean {
  return readOf(() => (reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError', false)
}
