import type { Instance } from '../registry/source.ts'
import type { ServiceEvent } from './start-events.ts'

/** A request was not copied, because the limit `mirror.max` of concurrent copies was reached. */
export interface MirrorDroppedEvent extends ServiceEvent {
  /** The id of the call. */
  readonly id?: string
  readonly route?: string
  readonly method: string
  /** The path without its query, or what `redactPath` returned. */
  readonly path?: string
}

/** A copy of a request has ended (option `mirror`). Its response is discarded. */
export interface MirrorEvent extends MirrorDroppedEvent {
  readonly instance: Instance
  /** `failure`: there was no complete response, or its status was 500 or above. It does not count for any breaker. */
  readonly outcome: 'success' | 'failure'
  /** Milliseconds until the response headers, or until the copy failed. */
  readonly duration: number
  /** The HTTP status of the response; absent if there was none. */
  readonly status?: number
  /** Why there was no response, or why it was not complete. */
  readonly error?: unknown
}
