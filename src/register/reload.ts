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

/** Milliseconds of quiet after a change, and between two looks where the system tells of no change. */
const QUIET = 100
const POLL = 5_000

/**
 * Reads the configuration again when its file has changed. What is wrong with it, or cannot change while the process runs, is a
 * warning of the process, and nothing has changed.
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
  // Of each service that was ever written: a service keeps its source.
  const sources = new Map(sourcesOf(first))
  let told = ''
  for (;;) {
    await watch.change(POLL, QUIET).catch(() => systemClock.sleep(POLL, forever, { ref: false }))
    try {
      const next = await loadConfig(folder, file)
      if (isDeepStrictEqual(next.written, current.written)) {
        told = ''
        continue
      }
      checkFixed(current, next, sources)
      const { defaults, services = {}, otherwise, unknown = otherwise ?? 'pass' } = next.options
      // A service that is not written any more is one with the defaults.
      const gone = Object.keys(current.options.services ?? {}).filter(
        (name) => !Object.hasOwn(services, name),
      )
      const left = gone.map((name) => [name, {}])
      const written = Object.entries(services).map(([name, given]) => [
        name,
        sources.has(name) ? withoutSource(given) : given,
      ])
      const all = Object.fromEntries([...left, ...written]) as NonNullable<FetchOptions['services']>
      app.update({ defaults: defaults ?? {}, services: all, unknown }, { by: file })
      for (const [name, source] of sourcesOf(next)) sources.set(name, source)
      current = next
      told = ''
    } catch (error) {
      const message = `${file} has changed, and is not applied: ${messageOf(error)}`
      // The file is looked at again and again: one warning for the same mistake.
      if (message !== told) process.emitWarning(message, { code: 'OUTRIGGER_CONFIG' })
      told = message
      if ((error as Partial<OutriggerError>).code === 'ERR_OUTRIGGER_CLOSED') {
        watch.close()
        return
      }
    }
  }
}

/** Throws for a change of what stays as it is while the process runs. */
function checkFixed(
  before: Configuration,
  after: Configuration,
  sources: ReadonlyMap<string, unknown>,
): void {
  for (const key of ['source', 'suffixes', 'idleTimeout', 'otherwise', 'reload'] as const) {
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

/** As they are written: each reading makes them anew. */
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
