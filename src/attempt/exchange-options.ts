import type { SendPolicy } from './request-sender.ts'
import type { AnswerPolicy } from './judge.ts'

/** What a plan says about one attempt on the wire. */
export interface ExchangePolicy extends AnswerPolicy, SendPolicy {
  readonly retry: AnswerPolicy['retry']
  readonly timeout: SendPolicy['timeout'] & {
    /** Milliseconds between two pieces of the body; Infinity for none. */
    readonly idle: number
  }
}

export interface ExchangeOptions {
  /** Request headers to add, in lower case. */
  readonly extra?: Readonly<Record<string, string>> | undefined
  /** Is aborted to end a body that stalls, instead of the undici request. */
  readonly stalled?: AbortController | undefined
  /** Whether the caller can abort the request by a signal of his own. */
  readonly abortable?: boolean
  /**
   * Called when the request was not sent; its door asks the call for another attempt (`Receiver.replaceUnsent`). True: that one sends it,
   * and the handler must not hear of the failure.
   */
  readonly handOverUnsent?: ((error: Error) => boolean) | undefined
  /** Hears of each answer. */
  readonly observer?: AnswerObserver | undefined
}

/** Who has to know what was asked, and that it was answered. */
export interface AnswerObserver {
  answered(method: string, path: string, status: number): void
}
