import { OutriggerError, RefusalError, type RefusalDetails } from '../errors.ts'

/** Too many calls are in flight, and the queue is full or was left to a more important call. Nothing was sent. */
export class LimitExceededError extends RefusalError {
  /** Milliseconds until there may be room: an estimate from recent durations and the length of the queue. */
  readonly retryAfter: number

  constructor(message: string, retryAfter: number, details?: RefusalDetails) {
    super('ERR_OUTRIGGER_LIMIT', message, details)
    this.retryAfter = retryAfter
  }

  static {
    this.prototype.name = 'LimitExceededError'
  }
}

/** So many recent calls were turned down by the service that this one was not sent. */
export class ThrottledError extends OutriggerError {
  constructor(message: string) {
    super('ERR_OUTRIGGER_THROTTLED', message)
  }

  static {
    this.prototype.name = 'ThrottledError'
  }
}
