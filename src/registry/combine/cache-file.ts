import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { threadId } from 'node:worker_threads'
import { isPlainObject } from '../plain-data.ts'
import { validateSnapshot } from '../snapshot.ts'
import type { Instance } from '../source.ts'

/** Makes the names of temporary files unique, because two caches of one process may share a file. */
let caches = 0

const files = new Map<string, CacheFile>()

/** Returns the same object for the same path: two objects would overwrite each other's changes. */
export function cacheFile(path: string): CacheFile {
  const file = files.get(path) ?? new CacheFile(path)
  files.set(path, file)
  return file
}

/** Stores the instances of each service on disk, in the format that the file source reads. */
class CacheFile {
  readonly #path: string
  readonly #temporary: string
  #pending = new Map<string, readonly Instance[]>()
  #writing = false

  constructor(path: string) {
    this.#path = path
    this.#temporary = `${path}.${process.pid}-${threadId}-${caches++}.tmp`
  }

  /**
   * Returns an empty list when the cache does not contain the service. Throws when the cache exists but cannot
   * be used.
   */
  async read(service: string): Promise<readonly Instance[]> {
    const all = await this.#readAll()
    return Object.hasOwn(all, service) ? validateSnapshot(all[service]).instances : []
  }

  /** Writes in the background. Changes that arrive during a write are written together after it. */
  save(service: string, instances: readonly Instance[], onError: (error: unknown) => void): void {
    this.#pending.set(service, instances)
    if (this.#writing) return
    this.#writing = true
    this.#write()
      .catch(onError)
      .finally(() => (this.#writing = false))
  }

  async #write(): Promise<void> {
    while (this.#pending.size > 0) {
      const pending = this.#pending
      this.#pending = new Map()
      // A cache that cannot be read is replaced. Services that other processes wrote are kept.
      const all = await this.#readAll().catch(() => ({}))
      const text = JSON.stringify({ ...all, ...Object.fromEntries(pending) }, null, 2)
      try {
        await mkdir(dirname(this.#path), { recursive: true })
        // Only this user may read the file, because metadata may be confidential.
        await writeFile(this.#temporary, text, { mode: 0o600 })
        await rename(this.#temporary, this.#path)
      } catch (error) {
        // Keep these changes for the next write, unless newer ones have arrived for the same service.
        this.#pending = new Map([...pending, ...this.#pending])
        await rm(this.#temporary, { force: true }).catch(() => {})
        throw error
      }
    }
  }

  async #readAll(): Promise<Record<string, unknown>> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
      throw error
    }
    const all: unknown = JSON.parse(text)
    if (!isPlainObject(all)) throw new TypeError(`${this.#path} does not hold an object`)
    return all
  }
}
