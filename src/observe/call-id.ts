import { systemClock } from '../clock.ts'

/** Identifies this process: its start time in microseconds and its process id. */
const PROCESS = `${Math.round((systemClock.epoch ?? 0) * 1000).toString(36)}${process.pid.toString(36)}`

let calls = 0

/** Returns a short id for a call, unique across processes. */
export function nextCallId(): string {
  return `${PROCESS}-${(++calls).toString(36)}`
}
