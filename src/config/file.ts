import { systemClock, type Clock } from '../clock.ts'
import { checkMethods, checkNumber, checkObject } from '../options.ts'
import { toPath, watchText } from '../registry/file/watch-text.ts'
import type { ConfigSource } from './source.ts'

/** What a configuration in a file takes beside the path. */
export interface FileConfigOptions {
  /** Milliseconds after which it is read even if nothing was heard: network file systems report nothing. @default 30_000 */
  poll?: number
  /** How long it must have been quiet before a changed file is read, in ms. @default 50 */
  debounce?: number
  /** @default the system's */
  clock?: Clock
}

/**
 * A document in a file, for example one that a ConfigMap is mounted to.
 *
 * @example
 * watchConfig(users, fileConfig('/etc/shop/users.json'))
 */
export function fileConfig(path: string | URL, options: FileConfigOptions = {}): ConfigSource {
  const absolute = toPath('fileConfig', path)
  checkObject('fileConfig', options, ['poll', 'debounce', 'clock'])
  const { poll = 30_000, debounce = 50, clock = systemClock } = options
  checkNumber('fileConfig.poll', poll, { min: 1 })
  checkNumber('fileConfig.debounce', debounce)
  checkMethods('fileConfig.clock', clock, ['now', 'sleep', 'random'])
  const settings = { path: absolute, poll, debounce, clock }
  return { name: `file ${absolute}`, watch: ({ signal }) => watchText(settings, signal) }
}
