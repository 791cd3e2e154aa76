import type { Instance } from '../registry/source.ts'
import type { CallOutcome, ClientEvents, Outcome } from './events.ts'

/** How the dashboard counts what a client, or all clients of an application, do. */
export const watch: unique symbol = Symbol('outrigger.watch')

/**
 * Hears of each call and attempt as plain numbers: an event object and an async context for each would cost more than counting does.
 * `call` and `attempt` must not throw.
 */
export interface Watcher {
  /** The events that it wants to hear of. They come in no call's async context. */
  readonly names: ReadonlySet<keyof ClientEvents>
  event(name: keyof ClientEvents, event: ClientEvents[keyof ClientEvents]): void
  /** A call is over after `ms` milliseconds. */
  call(service: string, route: string | undefined, outcome: CallOutcome, ms: number): void
  attempt(service: string, instance: Instance, outcome: Outcome, ms: number): void
}

export interface Watchable {
  /**
   * Adds a watcher, and returns what takes it away again.
   *
   * @internal
   */
  readonly [watch]: (watcher: Watcher) => () => void
}
