import { watch, type FSWatcher } from 'node:fs'
import type { Clock } from '../../clock.ts'

/**
 * Watches a folder. A watch of the file itself would follow the inode and miss every change after the first
 * rename over it. The events carry the name of a temporary file, or `..data` for a Kubernetes ConfigMap, so
 * every event counts.
 */
export class FolderWatch {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #watcher: FSWatcher | undefined
  #sleep = new AbortController()
  #changed = false
  #failure: { readonly error: Error } | undefined

  constructor(folder: string, clock: Clock, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
    this.#watcher = this.#open(folder)
    signal.addEventListener('abort', this.#wake, { once: true })
  }

  /**
   * Resolves when something has changed since the last call and then nothing for `debounce` ms, or after `poll`
   * ms, or on abort. Throws when the watch has failed.
   */
  async change(poll: number, debounce: number): Promise<void> {
    if (!this.#changed) await this.#sleepUntilWoken(poll)
    // Another file in the folder that changes all the time delays the read by at most `poll` ms.
    const latest = this.#clock.now() + poll
    while (this.#changed && this.#clock.now() < latest) {
      this.#changed = false
      await this.#sleepUntilWoken(debounce)
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
      // The system has no watches left (ENOSPC, EMFILE). The poll still finds changes.
      return undefined
    }
  }

  readonly #wake = (): void => this.#sleep.abort()

  /** Waits for `ms` milliseconds, or until something changes. */
  async #sleepUntilWoken(ms: number): Promise<void> {
    this.#sleep = new AbortController()
    if (this.#signal.aborted || this.#failure) return
    await this.#clock.sleep(ms, this.#sleep.signal, { ref: false }).catch(() => {})
  }
}
