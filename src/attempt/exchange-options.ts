import type { SendPolicy } from './request-sender.ts'
import type { AnswerPolicy } from './judge.ts'

/** The part of a plan that an exchange uses. */
export interface ExchangePolicy extends AnswerPolicy, SendPolicy {
  readonly retry: AnswerPolicy['retry']
  readonly timeout: SendPolicy['timeout'] & {
    /** The maximum number of milliseconds between two chunks of the body; Infinity for no limit. */
    readonly idle: number
  }
}

export interface ExchangeOptions {
  /** Request headers to add. Their names are in lower case. */
  readonly extra?: Readonly<Record<string, string>> | undefined
  /** If set, it is aborted when the body has exceeded `timeout.idle`. If not, the undici request is aborted. */
  readonly stalled?: AbortController | undefined
  /** True if the caller has passed an AbortSignal. */
  readonly abortable?: boolean
  /**
   * Called synchronously when the request has failed and nothing of it was sent. Its door asks the call for another
   * attempt (`Receiver.replaceUnsent`). If it returns true, that attempt sends the request, and the exchange does not
   * report the failure to its handler. Not called once the request is on a connection.
   */
  readonly handOverUnsent?: ((error: Error) => boolean) | undefined
  /** Called for each response. */
  readonly observer?: AnswerObserver | undefined
}

/** Needs to know which requests got a response. */
export interface AnswerObserver {
  answered(method: string, path: string, status: number): void
}
