import { watch, type FSWatcher } from 'node:fs'
import type { Clock } from '../../clock.ts'

/**
 * Hears what happens in a folder. Not to a file: that watch is bound to the inode and goes blind with the first rename
 * over it. The events carry the name of a temporary file, or `..data` of a ConfigMap, so every event counts.
 */
export class FolderWatch {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #watcher: FSWatcher | undefined
  #nap = new AbortController()
  #changed = false
  #failure: { readonly error: Error } | undefined

  constructor(folder: string, clock: Clock, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
    this.#watcher = this.#open(folder)
    signal.addEventListener('abort', this.#wake, { once: true })
  }

  /**
   * Resolves when something has happened since the last time and it has been quiet for `debounce` ms, or after
   * `poll` ms, or on abort. Throws when the watch has failed.
   */
  async change(poll: number, debounce: number): Promise<void> {
    if (!this.#changed) await this.#rest(poll)
    // A neighbour that never rests puts the reading off, but not for ever.
    const latest = this.#clock.now() + poll
    while (this.#changed && this.#clock.now() < latest) {
      this.#changed = false
      await this.#rest(debounce)
    }
    if (this.#failure) throw this.#failure.error
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#wake)
    this.#watcher?.close()
  }

  #open(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        this.#changed = true
        this.#wake()
      })
      watcher.on('error', (error) => {
        this.#failure = { error }
        this.#wake()
      })
      return watcher
    } catch {
      // The system has no watch left (ENOSPC, EMFILE): the poll has to do.
      return undefined
    }
  }

  readonly #wake = (): void => this.#nap.abort()

  /** Until the time is over or something happens. */
  async #rest(ms: number): Promise<void> {
    this.#nap = new AbortController()
    if (this.#signal.aborted || this.#failure) return
    await this.#clock.sleep(ms, this.#nap.signal, { ref: false }).catch(() => {})
  }
}
