import type { ServiceEvent } from './start-events.ts'

/** What was done by hand. `expired`: the time is over for which it was done. */
export type ControlAction = 'isolate' | 'drain' | 'weigh' | 'open' | 'restore' | 'reset' | 'expired'

/** Somebody did something by hand, or what was done is over. */
export interface ControlEvent extends ServiceEvent {
  readonly action: ControlAction
  /** The instance's; absent when it was done to all. */
  readonly id?: string
  readonly reason?: string
  /** Unix milliseconds; absent: until it is taken back. */
  readonly until?: number
  /** The weight that was set; for `weigh` only. */
  readonly weight?: number
}

/** The options of a client were changed while it was in use. */
export interface ConfigChangedEvent extends ServiceEvent {
  /** Names of the options that differ now, `breaker`, `routes['GET /users/{id}']`. */
  readonly changed: readonly string[]
  /** Who did it, as `update()` was told. */
  readonly by?: string
}
