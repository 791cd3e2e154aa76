import { AsyncResource } from 'node:async_hooks'
import type { Journal } from '../observe/journal.ts'
import type { SnapshotWaiter, Core } from './core.ts'

/**
 * Lets one call wait for the first snapshot of its source. The calls do not share a promise, because a promise that is
 * pending for long would keep calls in memory that have ended.
 */
export class SnapshotWait implements SnapshotWaiter {
  readonly resume: () => void
  readonly giveUp: () => void
  readonly #core: Core
  readonly #journal: Journal | undefined

  /**
   * Later, `resume` is called once. If the source fails before, `giveUp` is called, at each failure that makes waiting
   * pointless. Neither is called after `stop`.
   */
  constructor(core: Core, journal: Journal | undefined, resume: () => void, giveUp: () => void) {
    this.#core = core
    this.#journal = journal
    this.giveUp = giveUp
    // A snapshot arrives outside the async context of every call. `bind` lets the call continue in its caller's.
    this.resume = AsyncResource.bind(() => {
      this.#noteDuration()
      resume()
    })
    core.snapshotWaiters.add(this)
  }

  /** Called when the call ends. */
  stop(): void {
    if (this.#core.snapshotWaiters.delete(this)) this.#noteDuration()
  }

  #noteDuration(): void {
    if (this.#journal) this.#journal.discovery = this.#journal.age
  }
}
