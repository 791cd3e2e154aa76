import { OutriggerError, RefusalError, type RefusalDetails } from '../errors.ts'

/**
 * Too many calls are in flight, and the queue is full or a more important call took this call's place. Nothing was
 * sent.
 */
export class LimitExceededError extends RefusalError {
  /**
   * Milliseconds until there may be a free place. It is estimated from recent durations and the length of the queue.
   */
  readonly retryAfter: number

  constructor(message: string, retryAfter: number, details?: RefusalDetails) {
    super('ERR_OUTRIGGER_LIMIT', message, details)
    this.retryAfter = retryAfter
  }

  static {
    this.prototype.name = 'LimitExceededError'
  }
}

/** The call was not sent, because the service has refused most of the recent calls. */
export class ThrottledError extends OutriggerError {
  constructor(message: string) {
    super('ERR_OUTRIGGER_THROTTLED', message)
  }

  static {
    this.prototype.name = 'ThrottledError'
  }
}
