import type { Clock } from '../clock.ts'
import type { Deadlines } from '../deadlines.ts'
import type { OutriggerError } from '../errors.ts'
import type { Kept } from '../fallback/kept.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Mirroring } from '../mirror/mirroring.ts'
import type { Emitter } from '../observe/emitter.ts'
import type { ClientEvents, ServiceEvent } from '../observe/events.ts'
import type { Observer } from '../observe/observer.ts'
import type { Discovery } from '../registry/discovery.ts'
import type { Budget } from '../retry/budget.ts'

/** Somebody who waits for the first snapshot. */
export interface SnapshotWaiter {
  /** It is there, or the client has closed. */
  resume(): void
  /** The source has failed, and it is not worth while to wait for it. */
  giveUp(error: unknown): void
}

/** What every call of one client shares. */
export interface Core {
  readonly service: string
  readonly clock: Clock
  /** The clock's. */
  random(this: void): number
  readonly fleet: Fleet
  readonly discovery: Discovery
  budget: Budget
  /** Answers that may be given again; undefined when there never are any. */
  kept: Kept | undefined
  /** Sends the copies of requests. */
  readonly mirroring: Mirroring
  readonly events: Emitter<ClientEvents>
  readonly observer: Observer
  readonly deadlines: Deadlines
  /** Those who wait for the first snapshot. */
  readonly snapshotWaiters: Set<SnapshotWaiter>
  /** Called when the client begins to close: calls that wait end, and so do health checks and watches of documents. */
  readonly onClose: Set<() => void>
  /** Calls that close() has to end itself, once its drain time is over. */
  readonly running: Set<{ cut(reason: Error): void }>
  /** Why no further call is taken. */
  closeError: OutriggerError | undefined
  /** What every event says. */
  stamp(): ServiceEvent
}
