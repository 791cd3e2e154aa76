import { VERDICTS, type Verdict } from './verdict.ts'
import { readOf } from '../hooks/thrown.ts'

/**
 * In milliseconds. A timer that fires this late was delayed by this process, which may then also have missed a
 * response.
 */
const LATE_MS = 20
/** A timeout shorter than this many times an instance's usual latency tells nothing about the instance. */
const MIN_USUAL_LATENCIES = 2

/** The state of one try when the timeout of its call passed. */
export interface Spent {
  /** Milliseconds since the call began. */
  readonly call: number
  /** Milliseconds since the try left the queue of this client; -Infinity if it is still in the queue. */
  readonly attempt: number
  /** Milliseconds by which the timer fired late. */
  readonly late: number
  /** False if nothing can have reached the instance. */
  readonly sent: boolean
}

/** True if this process was too busy to notice a response in time. */
export function isLate(ms: number): boolean {
  return ms >= LATE_MS
}

/**
 * Returns the verdict on a try that was in flight when the timeout of its call passed. It counts against the instance
 * if the try had at least half of that time.
 */
export function limitVerdict({ call, attempt, late, sent }: Spent): Verdict {
  if (attempt === -Infinity) return VERDICTS.queued
  if (isLate(late)) return VERDICTS.lateTimer
  if (attempt * 2 < call) return VERDICTS.abandoned
  return sent ? VERDICTS.silent : VERDICTS.unreachable
}

/**
 * Returns the verdict if the timeout was the caller's. A timeout shorter than the usual latency of the instance tells
 * nothing about it.
 */
export function callersLimitVerdict(spent: Spent, usual: number | undefined): Verdict {
  if (usual !== undefined && spent.attempt < usual * MIN_USUAL_LATENCIES) return VERDICTS.abandoned
  return limitVerdict(spent)
}

/** Returns the verdict on a try that exceeded its own timeout. */
export function timeoutVerdict(sent: boolean): Verdict {
  return sent ? VERDICTS.silent : VERDICTS.unreachable
}

/** True if an abort means that a timeout of the caller has passed, like that of `AbortSignal.timeout`. */
export function isTimeLimit(reason: unknown): boolean {
  return readOf(() => (reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError', false)
}
