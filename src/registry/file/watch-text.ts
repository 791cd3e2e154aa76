import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../clock.ts'
import { quote } from '../../options.ts'
import { FolderWatch } from './folder-watch.ts'

export interface WatchTextOptions {
  readonly path: string
  /** Milliseconds after which it is read though nothing was heard. */
  readonly poll: number
  /** Milliseconds of quiet before a changed file is read. */
  readonly debounce: number
  readonly clock: Clock
}

/** The text of a file, at first and whenever something has happened in its folder. */
export async function* watchText(
  { path, poll, debounce, clock }: WatchTextOptions,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  if (signal.aborted) return
  const folder = dirname(path)
  const watched = await identity(folder)
  const watch = new FolderWatch(folder, clock, signal)
  try {
    while (!signal.aborted) {
      const text = await readFile(path, { encoding: 'utf8', signal })
      // Another folder has taken its place, of which this watch hears nothing.
      if ((await identity(folder)) !== watched) return
      yield text
      await watch.change(poll, debounce)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    watch.close()
  }
}

/** An absolute path; `caller` is who asks for it. */
export function toPath(caller: string, path: unknown): string {
  if (path instanceof URL) return fileURLToPath(path)
  if (typeof path !== 'string' || path === '') {
    throw new TypeError(`${caller}() needs a path or a file: URL, got ${quote(path)}`)
  }
  return resolve(path)
}

async function identity(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true })
  return `${dev}:${ino}`
}
