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

/** Waits for the first snapshot of the source. */
export interface SnapshotWaiter {
  /** Called when the first snapshot is there, or when the client closes. */
  resume(): void
  /** Called when the source has failed and waiting is pointless, at each such failure. See `Discovery.isHopeless`. */
  giveUp(error: unknown): void
}

/** What all calls of one client share. */
export interface Core {
  readonly service: string
  readonly clock: Clock
  /** A random number of the clock, from 0 up to 1. */
  random(this: void): number
  readonly fleet: Fleet
  readonly discovery: Discovery
  budget: Budget
  /** Responses that are kept for other calls. Undefined if no plan keeps any. */
  kept: Kept | undefined
  /** Sends copies of requests. */
  readonly mirroring: Mirroring
  readonly events: Emitter<ClientEvents>
  readonly observer: Observer
  readonly deadlines: Deadlines
  readonly snapshotWaiters: Set<SnapshotWaiter>
  /**
   * Functions to call when the client begins to close. They end calls that wait, health checks and watches of
   * documents.
   */
  readonly onClose: Set<() => void>
  /** Calls that close() ends when its drain time is over, because the end of their connection does not. See `runsCode`. */
  readonly running: Set<{ abort(reason: Error): void }>
  /** The error for calls of a closed client. Undefined while the client is open. */
  closeError: OutriggerError | undefined
  /** Returns the members that all events have. */
  stamp(): ServiceEvent
}
