import { extname } from 'node:path'
import { systemClock, type Clock } from '../clock.ts'
import { checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { parser, readContent } from './file/content.ts'
import { toPath, watchText, type WatchTextOptions } from './file/watch-text.ts'
import type { Instance, Source } from './source.ts'

/** Options of `file()`. */
export interface FileOptions {
  /**
   * The format of the file. YAML needs the package `yaml`.
   * @default 'yaml' for a path that ends in .yaml or .yml, or else 'json'
   */
  format?: 'json' | 'yaml'
  /**
   * How often the file is read when no change is reported, in ms. Network file systems report no changes.
   * @default 30_000
   */
  poll?: number
  /**
   * How long there must be no further change before a changed file is read, in ms.
   * @default 50
   */
  debounce?: number
  /** @default the system's clock */
  clock?: Clock
}

interface Settings extends WatchTextOptions {
  readonly format: 'json' | 'yaml'
}

/**
 * Reads instances from a file: `{ "user-service": ["http://10.0.0.7:8080", { "url": …, "weight": 2 }] }`, or
 * only the array, which then applies to every service. A service that the file does not name has no instance.
 *
 * @example
 * createClient({ service: 'user-service', source: file('/etc/shop/instances.json') })
 */
export function file(path: string | URL, options: FileOptions = {}): Source {
  const absolute = toPath('file', path)
  checkObject('file', options, ['format', 'poll', 'debounce', 'clock'])
  const { format = /^\.ya?ml$/i.test(extname(absolute)) ? 'yaml' : 'json', clock = systemClock } = options
  const { poll = 30_000, debounce = 50 } = options
  if (format !== 'json' && format !== 'yaml') {
    throw new TypeError(`file.format must be 'json' or 'yaml', got ${quote(format)}`)
  }
  checkMethods('file.clock', clock, ['now', 'sleep', 'random'])
  checkNumber('file.poll', poll, { min: 1 })
  checkNumber('file.debounce', debounce)
  const settings: Settings = { path: absolute, format, poll, debounce, clock }
  return { watch: (service, { signal }) => watchFile(settings, service, signal) }
}

async function* watchFile(
  { format, ...settings }: Settings,
  service: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Instance[], void> {
  const parse = await parser(format)
  for await (const text of watchText(settings, signal)) yield readContent(settings.path, service, parse, text)
}
