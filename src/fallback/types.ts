/** The call that failed, as its fallback sees it. */
export interface FailedCall {
  readonly service: string
  readonly route?: string
  readonly method: string
  /** The logical URL. */
  readonly url: string
}

/**
 * Makes an answer when there is none, or none that is good: given the error, or the last response.
 * What it throws is what the caller gets.
 */
export type Fallback = (failure: unknown, call: FailedCall) => Response | Promise<Response>
