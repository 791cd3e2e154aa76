import type { ServiceEvent } from './start-events.ts'

/** What an operator did. `expired`: the time of an earlier action has passed. */
export type ControlAction = 'isolate' | 'drain' | 'weigh' | 'open' | 'restore' | 'reset' | 'expired'

/** An operator has changed something by hand, or the time of an earlier action has passed. */
export interface ControlEvent extends ServiceEvent {
  readonly action: ControlAction
  /** The id of the instance; absent if the action applies to all. */
  readonly id?: string
  readonly reason?: string
  /** When the action ends, in Unix milliseconds. Absent if it lasts until an operator undoes it. */
  readonly until?: number
  /** The weight that was set. Only for `weigh`. */
  readonly weight?: number
}

/** The options of a client were changed while it was in use. */
export interface ConfigChangedEvent extends ServiceEvent {
  /** The names of the options that have changed, such as `breaker` or `routes['GET /users/{id}']`. */
  readonly changed: readonly string[]
  /** Who changed them, as passed to `update()`. */
  readonly by?: string
}
