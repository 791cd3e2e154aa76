import type { Instance } from '../registry/source.ts'
import type { ServiceEvent } from './start-events.ts'

/** A request was not copied, because as many copies as `mirror.max` were under way. */
export interface MirrorDroppedEvent extends ServiceEvent {
  /** The call's. */
  readonly id?: string
  readonly route?: string
  readonly method: string
  /** Without the query, or as `redactPath` has it. */
  readonly path?: string
}

/** A copy of a request is over (option `mirror`). Its answer was dropped. */
export interface MirrorEvent extends MirrorDroppedEvent {
  readonly instance: Instance
  /** A failure is no whole answer, or one with a status from 500 on. It counts for nobody. */
  readonly outcome: 'success' | 'failure'
  /** Milliseconds until its answer began, or it was known that there would be none. */
  readonly duration: number
  /** Of its answer; absent when there was none. */
  readonly status?: number
  /** Why there was no answer, or no end of it. */
  readonly error?: unknown
}
