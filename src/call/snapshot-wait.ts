import { AsyncResource } from 'node:async_hooks'
import type { Journal } from '../observe/journal.ts'
import type { SnapshotWaiter, Core } from './core.ts'

/**
 * A call that waits for the first snapshot of its source. Not a promise of the source's: one that is long pending would keep
 * every call that has given up on it.
 */
export class SnapshotWait implements SnapshotWaiter {
  readonly resume: () => void
  readonly giveUp: () => void
  readonly #core: Core
  readonly #journal: Journal | undefined

  /** `giveUp` is called when the source has failed. */
  constructor(core: Core, journal: Journal | undefined, resume: () => void, giveUp: () => void) {
    this.#core = core
    this.#journal = journal
    this.giveUp = giveUp
    // The snapshot comes in nobody's async context. The call goes on in the context of its caller.
    this.resume = AsyncResource.bind(() => {
      this.#noteDuration()
      resume()
    })
    core.snapshotWaiters.add(this)
  }

  /** The call is over. */
  stop(): void {
    if (this.#core.snapshotWaiters.delete(this)) this.#noteDuration()
  }

  #noteDuration(): void {
    if (this.#journal) this.#journal.discovery = this.#journal.age
  }
}
