import { dirname, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { App } from '../app/app.ts'
import type { FetchOptions } from '../app/options.ts'
import { systemClock } from '../clock.ts'
import type { OutriggerError } from '../errors.ts'
import { quote } from '../options.ts'
import { FolderWatch } from '../registry/file/folder-watch.ts'
import type { Configuration } from './config.ts'
import { loadConfig } from './load.ts'

/**
 * In ms: the quiet time after a change before the file is read, and the poll interval for systems that report
 * no changes.
 */
const QUIET = 100
const POLL = 5_000

/**
 * Reads the configuration again when its file has changed. If it is invalid, or changes something that cannot
 * change while the process runs, the process gets a warning and nothing changes.
 */
export async function followConfig(
  app: App,
  folder: string,
  file: string,
  first: Configuration,
): Promise<void> {
  const forever = new AbortController().signal
  const watch = new FolderWatch(dirname(resolve(folder, file)), systemClock, forever)
  let current = first
  // The sources of all services that the file has ever named: the source of a service cannot change.
  const sources = new Map(sourcesOf(first))
  let lastWarning = ''
  for (;;) {
    await watch.change(POLL, QUIET).catch(() => systemClock.sleep(POLL, forever, { ref: false }))
    try {
      const next = await loadConfig(folder, file)
      if (isDeepStrictEqual(next.written, current.written)) {
        lastWarning = ''
        continue
      }
      checkFixed(current, next, sources)
      const { defaults, services = {}, otherwise, unknown = otherwise ?? 'pass' } = next.options
      // A service that the file no longer names gets the defaults.
      const removed = Object.keys(current.options.services ?? {}).filter(
        (name) => !Object.hasOwn(services, name),
      )
      const cleared = removed.map((name) => [name, {}])
      const written = Object.entries(services).map(([name, given]) => [
        name,
        sources.has(name) ? withoutSource(given) : given,
      ])
      const all = Object.fromEntries([...cleared, ...written]) as NonNullable<FetchOptions['services']>
      app.update({ defaults: defaults ?? {}, services: all, unknown }, { by: file })
      for (const [name, source] of sourcesOf(next)) sources.set(name, source)
      current = next
      lastWarning = ''
    } catch (error) {
      const message = `${file} has changed, but the change is not applied: ${messageOf(error)}`
      // The file is read repeatedly: warn only once about the same error.
      if (message !== lastWarning) process.emitWarning(message, { code: 'OUTRIGGER_CONFIG' })
      lastWarning = message
      if ((error as Partial<OutriggerError>).code === 'ERR_OUTRIGGER_CLOSED') {
        watch.close()
        return
      }
    }
  }
}

/** Throws if something has changed that cannot change while the process runs. */
function checkFixed(
  before: Configuration,
  after: Configuration,
  sources: ReadonlyMap<string, unknown>,
): void {
  for (const key of ['source', 'suffixes', 'idleTimeout', 'reload'] as const) {
    if (!isDeepStrictEqual(before.written[key], after.written[key])) {
      throw new TypeError(`${key} cannot change while the process runs`)
    }
  }
  for (const [name, source] of sourcesOf(after)) {
    if (sources.has(name) && !isDeepStrictEqual(sources.get(name), source)) {
      throw new TypeError(`the source of services['${name}'] cannot change while the process runs`)
    }
  }
}

/** The sources as written in the file, because each reading makes new source objects. */
function sourcesOf({ written }: Configuration): [name: string, source: unknown][] {
  return Object.entries(written.services ?? {}).map(([name, { source }]) => [name, source])
}

function withoutSource(given: object): object {
  const { source: _source, ...others } = given as { source?: unknown }
  return others
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : quote(error)
}
