import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../clock.ts'
import { quote } from '../../options.ts'
import { FolderWatch } from './folder-watch.ts'

export interface WatchTextOptions {
  readonly path: string
  /** After how many ms the file is read when no change is reported. */
  readonly poll: number
  /** For how many ms there must be no further change before the file is read. */
  readonly debounce: number
  readonly clock: Clock
}

/** Yields the text of a file, at first and after each change in its folder. */
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
      // The folder was replaced by another one, which this watch does not see. The caller watches again.
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

/** Returns an absolute path. `caller` is the function to name in the error. */
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
