import { systemClock } from '../clock.ts'

/** Tells this process from others: when it started, in microseconds, and its number. */
const PROCESS = `${Math.round((systemClock.epoch ?? 0) * 1000).toString(36)}${process.pid.toString(36)}`

let calls = 0

/** A short name for one call, unique over processes. */
export function nextCallId(): string {
  return `${PROCESS}-${(++calls).toString(36)}`
}
