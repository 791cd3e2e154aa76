import { systemClock, type Clock } from '../clock.ts'
import { checkMethods, checkNumber, checkObject } from '../options.ts'
import { toPath, watchText } from '../registry/file/watch-text.ts'
import type { ConfigSource } from './source.ts'

/** Options of `fileConfig()`. */
export interface FileConfigOptions {
  /**
   * How often the file is read when no change is reported, in ms. Network file systems report no changes.
   * @default 30_000
   */
  poll?: number
  /** How long there must be no further change before a changed file is read, in ms. @default 50 */
  debounce?: number
  /** @default the system's clock */
  clock?: Clock
}

/**
 * Reads a document from a file, for example a file of a mounted Kubernetes ConfigMap.
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
