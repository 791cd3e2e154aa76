import { VERDICTS, type Verdict } from './verdict.ts'
import { readOf } from '../hooks/thrown.ts'

/**
 * In milliseconds. A timer that fires this late was delayed by this process, which may then also have missed a
 * response.
 */
const LATE_MS = 20
/** A time limit of the caller that is shorter than this many times an instance's usual latency tells nothing about the instance. */
const MIN_USUAL_LATENCIES = 2

/** One try when the time limit of its call has passed: `timeout.total`, or a limit of the caller. */
export interface TryAtLimit {
  /** Milliseconds since the call began. */
  readonly callAge: number
  /** Milliseconds since the try left the queue of its pool; -Infinity while it is queued, or waits for its headers. */
  readonly tryAge: number
  /** Milliseconds by which the timer fired late. */
  readonly lateBy: number
  /** False if nothing can have reached the instance. */
  readonly sent: boolean
}

/** True if this process was too busy to notice a response in time. */
export function isLate(ms: number): boolean {
  return ms >= LATE_MS
}

/**
 * Returns the verdict on a try that was in flight when the time limit of its call passed. It counts against the instance
 * if the try had at least half of that time.
 */
export function timeLimitVerdict({ callAge, tryAge, lateBy, sent }: TryAtLimit): Verdict {
  if (tryAge === -Infinity) return VERDICTS.queued
  if (isLate(lateBy)) return VERDICTS.lateTimer
  if (tryAge * 2 < callAge) return VERDICTS.abandoned
  return sent ? VERDICTS.silent : VERDICTS.unreachable
}

/**
 * Returns the verdict if the time limit was the caller's. A limit shorter than twice the usual latency of the instance
 * tells nothing about it.
 */
export function callersTimeLimitVerdict(atLimit: TryAtLimit, usualLatency: number | undefined): Verdict {
  if (usualLatency !== undefined && atLimit.tryAge < usualLatency * MIN_USUAL_LATENCIES)
    return VERDICTS.abandoned
  return timeLimitVerdict(atLimit)
}

/** Returns the verdict on a try that exceeded its own timeout, `timeout.attempt`. */
export function attemptTimeoutVerdict(sent: boolean): Verdict {
  return sent ? VERDICTS.silent : VERDICTS.unreachable
}

/** True if an abort means that a time limit of the caller has passed, like that of `AbortSignal.timeout`. */
export function isTimeLimit(reason: unknown): boolean {
  return readOf(() => (reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError', false)
}
