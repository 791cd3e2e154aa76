import type { Instance } from '../registry/source.ts'
import type { CallOutcome, ClientEvents, Outcome } from './events.ts'

/** The key of the method that the dashboard and the metrics use to count the calls of a client or an application. */
export const watch: unique symbol = Symbol('outrigger.watch')

/**
 * Gets each call and attempt as plain values. Event objects and async contexts for each of them would cost more than
 * the counting. `call` and `attempt` must not throw.
 */
export interface Watcher {
  /** The events that the watcher gets. They run outside the calls' async contexts. */
  readonly names: ReadonlySet<keyof ClientEvents>
  event(name: keyof ClientEvents, event: ClientEvents[keyof ClientEvents]): void
  /** A call has ended after `ms` milliseconds. */
  call(
    service: string,
    route: string | undefined,
    method: string | undefined,
    outcome: CallOutcome,
    ms: number,
  ): void
  attempt(service: string, route: string | undefined, instance: Instance, outcome: Outcome, ms: number): void
}

export interface Watchable {
  /**
   * Adds a watcher. Returns a function that removes it.
   *
   * @internal
   */
  readonly [watch]: (watcher: Watcher) => () => void
}
