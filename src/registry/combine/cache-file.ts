import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { threadId } from 'node:worker_threads'
import { isPlainObject } from '../plain-data.ts'
import { validateSnapshot } from '../snapshot.ts'
import type { Instance } from '../source.ts'

/** Two caches of one process may share a file; their temporary files must differ. */
let caches = 0

const files = new Map<string, CacheFile>()

/** One for each path: two that write on their own would undo what the other has written. */
export function cacheFile(path: string): CacheFile {
  const file = files.get(path) ?? new CacheFile(path)
  files.set(path, file)
  return file
}

/** Service name → instances on disk, in the format the file source reads. */
class CacheFile {
  readonly #path: string
  readonly #temporary: string
  #pending = new Map<string, readonly Instance[]>()
  #writing = false

  constructor(path: string) {
    this.#path = path
    this.#temporary = `${path}.${process.pid}-${threadId}-${caches++}.tmp`
  }

  /** Empty when the service is not in the cache. Throws when the cache is there but of no use. */
  async read(service: string): Promise<readonly Instance[]> {
    const all = await this.#readAll()
    return Object.hasOwn(all, service) ? validateSnapshot(all[service]).instances : []
  }

  /** Writes in the background; what comes while a write is going on is written together after it. */
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
      // What is no good is replaced; the services of other processes stay.
      const all = await this.#readAll().catch(() => ({}))
      const text = JSON.stringify({ ...all, ...Object.fromEntries(pending) }, null, 2)
      try {
        await mkdir(dirname(this.#path), { recursive: true })
        // Metadata is nobody else's business.
        await writeFile(this.#temporary, text, { mode: 0o600 })
        await rename(this.#temporary, this.#path)
      } catch (error) {
        // For the next time, but for what is newer by then.
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
