import { configurable, type Configurable } from '../client/configurable.ts'
import { systemClock, type Clock } from '../clock.ts'
import { notify } from '../hooks/notify.ts'
import { outsideCalls } from '../observe/scope.ts'
import { checkFunction, checkMethods, checkObject, checkSignal, quote } from '../options.ts'
import { registryBackoff, type RegistryBackoff } from '../registry/backoff.ts'
import { iterable } from '../registry/iterable.ts'
import { readDocument } from './document.ts'
import { Layers } from './layers.ts'
import type { ConfigSource } from './source.ts'

/** Options of `watchConfig()`. */
export interface WatchConfigOptions {
  /** Ends the watch, as `close()` does. */
  signal?: AbortSignal
  /** Called when a document was applied, even if it changed nothing. */
  onApplied?: (document: Readonly<Record<string, unknown>>) => unknown
  /** Called when a document was refused. Nothing has changed. @default a process warning */
  onRefused?: (error: Error) => unknown
  /** Called when the source fails, once per outage. The options in force stay. @default a process warning */
  onFailed?: (error: unknown) => unknown
  /** The delays between tries while the source fails. @default { initial: 500, max: 15_000 } */
  backoff?: RegistryBackoff
  /** @default the system's clock */
  clock?: Clock
}

/** A watch that `watchConfig()` has started. */
export interface ConfigWatch extends AsyncDisposable {
  /** The result of the first document. Never rejects, so a process can await it at startup. */
  readonly first: Promise<'applied' | 'refused' | 'failed'>
  /**
   * Ends the watch. Options that it has set get the values of other watches. Options that no other watch sets
   * keep their values.
   */
  close(): Promise<void>
}

const OPTIONS = ['signal', 'onApplied', 'onRefused', 'onFailed', 'backoff', 'clock']
/** In ms. A watch that ends sooner is restarted only after this time. */
const MIN_WATCH = 1_000
/** How long `close()` waits for a source to end, in ms. A source may ignore its signal. */
const END_TIMEOUT = 1_000

/**
 * Keeps the options of a client, or of an application's fetch, in step with a document. The document is JSON
 * with the options of `update()`. Each document is checked as one unit: it is applied, or it is refused and
 * nothing changes. An option that a new document no longer sets gets the value that code has set. If several
 * watches set an option, the newest watch decides. Ends when the client closes.
 *
 * @example
 * const config = watchConfig(users, etcdConfig({ endpoints: 'http://127.0.0.1:2379', key: '/config/users' }))
 * await config.first
 */
export function watchConfig(
  target: Configurable,
  source: ConfigSource,
  options: WatchConfigOptions = {},
): ConfigWatch {
  const configured = (target as Partial<Configurable> | null | undefined)?.[configurable]
  if (!configured) {
    throw new TypeError(`watchConfig() needs a client or the fetch of createFetch(), got ${quote(target)}`)
  }
  checkMethods('source', source, ['watch'])
  checkObject('watchConfig', options, OPTIONS)
  const { onApplied, onRefused, onFailed, backoff, clock = systemClock } = options
  const signal = checkSignal(options.signal)
  for (const [name, hook] of Object.entries({ onApplied, onRefused, onFailed })) {
    if (hook !== undefined) checkFunction(name, hook)
  }
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const delay = registryBackoff('backoff', backoff)
  const by = quoteName(source.name)

  const stop = new AbortController()
  const layers = Layers.of(configured)
  const layer = layers.add(by)
  const first = Promise.withResolvers<'applied' | 'refused' | 'failed'>()
  let latest: { readonly text: unknown } | undefined

  const take = (text: unknown): void => {
    if (latest && text === latest.text) return
    latest = { text }
    try {
      const document = readDocument(text)
      layers.put(layer, document)
      first.resolve('applied')
      tell('onApplied', onApplied, document)
    } catch (error) {
      first.resolve('refused')
      refused(`a document of ${by} is not applied`, error)
    }
  }
  const refused = (what: string, error: unknown): void =>
    tell('onRefused', onRefused ?? warning(what), error instanceof Error ? error : new Error(quote(error)))

  const run = async (): Promise<void> => {
    let failures = 0
    while (!stop.signal.aborted) {
      const started = clock.now()
      try {
        for await (const text of iterable(await (source.watch({ signal: stop.signal }) as unknown))) {
          if (stop.signal.aborted) return
          failures = 0
          take(text)
        }
      } catch (error) {
        if (stop.signal.aborted) return
        first.resolve('failed')
        if (failures++ === 0) tell('onFailed', onFailed ?? warning(`${by} cannot be read`), error)
      }
      const pause = failures > 0 ? delay(failures, clock) : started + MIN_WATCH - clock.now()
      if (pause > 0) await clock.sleep(pause, stop.signal, { ref: false }).catch(() => {})
    }
  }

  let removeCloseListener: (() => void) | undefined
  const stopWatch = (): void => {
    stop.abort()
    removeCloseListener?.()
    first.resolve('failed')
    signal?.removeEventListener('abort', end)
  }
  const end = (): void => {
    if (stop.signal.aborted) return
    stopWatch()
    try {
      layers.remove(layer)
    } catch (error) {
      refused(`the options that ${by} had replaced are not restored`, error)
    }
  }
  if (signal?.aborted) end()
  else signal?.addEventListener('abort', end, { once: true })
  removeCloseListener = configured.onClose(stopWatch)
  // Not in the async context of the caller: a document belongs to no call.
  const running = outsideCalls.runInAsyncScope(run)

  const close = async (): Promise<void> => {
    end()
    const timer = new AbortController()
    const timeout = clock.sleep(END_TIMEOUT, timer.signal, { ref: false }).catch(() => {})
    await Promise.race([running, timeout])
    timer.abort()
  }
  return { first: first.promise, close, [Symbol.asyncDispose]: close }
}

function tell<T>(name: string, hook: ((value: T) => unknown) | undefined, value: T): void {
  if (hook) notify(hook, [value], { message: `${name} of watchConfig() threw`, code: 'OUTRIGGER_CONFIG' })
}

function warning(what: string): (error: unknown) => void {
  return (error) =>
    process.emitWarning(`${what}: ${error instanceof Error ? error.message : quote(error)}`, {
      code: 'OUTRIGGER_CONFIG',
    })
}

function quoteName(name: unknown): string {
  return typeof name === 'string' && name !== '' ? name : 'the source of watchConfig()'
}
