import type { Instance } from '../registry/source.ts'
import type { ServiceEvent } from './start-events.ts'

/** A copy of a request is over (option `mirror`). Its answer was dropped. */
export interface MirrorEvent extends ServiceEvent {
  /** The call's that it is a copy of. */
  readonly id?: string
  readonly instance: Instance
  readonly route?: string
  readonly method: string
  /** Without the query, or as `redactPath` has it. */
  readonly path?: string
  /** Milliseconds until its answer began, or it was known that there would be none. */
  readonly duration: number
  /** Of its answer; absent when there was none. */
  readonly status?: number
  /** Why there was no answer, or no end of it. */
  readonly error?: unknown
}
