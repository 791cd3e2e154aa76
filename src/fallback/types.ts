/** The call that failed, as the fallback function sees it. */
export interface FailedCall {
  readonly service: string
  readonly route?: string
  readonly method: string
  /** The logical URL. */
  readonly url: string
}

/**
 * Returns a response for a call that failed. `failure` is the error, or the last response if it is not a good one. If
 * the function throws, the caller gets that error.
 */
export type Fallback = (failure: unknown, call: FailedCall) => Response | Promise<Response>
