import { configurable, type Configurable } from '../client/configurable.ts'
import { systemClock, type Clock } from '../clock.ts'
import { notify } from '../hooks/notify.ts'
import { nobody } from '../observe/scope.ts'
import { checkFunction, checkMethods, checkObject, checkSignal, quote } from '../options.ts'
import { registryBackoff, type RegistryBackoff } from '../registry/backoff.ts'
import { iterable } from '../registry/iterable.ts'
import { readDocument } from './document.ts'
import { Layers } from './layers.ts'
import type { ConfigSource } from './source.ts'

/** What `watchConfig()` takes beside the client and the source of the document. */
export interface WatchConfigOptions {
  /** Ends the watch, as `close()` does. */
  signal?: AbortSignal
  /** A document was applied, or changed nothing. */
  onApplied?: (document: Readonly<Record<string, unknown>>) => unknown
  /** A document was refused, and nothing has changed. @default a process warning */
  onRefused?: (error: Error) => unknown
  /** The source failed, once for each outage; what is in force stays. @default a process warning */
  onFailed?: (error: unknown) => unknown
  /** Between the tries of a source that fails. @default { initial: 500, max: 15_000 } */
  backoff?: RegistryBackoff
  /** @default the system's */
  clock?: Clock
}

/** A watch that `watchConfig()` has begun. */
export interface ConfigWatch extends AsyncDisposable {
  /** What became of the first document. Never rejects: a process that starts may wait for it. */
  readonly first: Promise<'applied' | 'refused' | 'failed'>
  /** Ends the watch. What it has set is again as other watches have it; what none of them sets stays. */
  close(): Promise<void>
}

const OPTIONS = ['signal', 'onApplied', 'onRefused', 'onFailed', 'backoff', 'clock']
/** A watch that ends sooner, in ms, is not begun again at once. */
const MIN_WATCH = 1_000
/** Milliseconds that `close()` waits for a source, which may not listen to its signal. */
const END_TIMEOUT = 1_000

/**
 * Keeps a client, or the fetch of an application, as a document says: what its `update()` takes, as JSON. Each document is
 * checked whole and applied, or refused, and then nothing has changed. What a document no longer sets is again as the code has it.
 * Of several watches the latest decides, option by option. Ends when the client closes.
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

  let forget: (() => void) | undefined
  const halt = (): void => {
    stop.abort()
    forget?.()
    first.resolve('failed')
    signal?.removeEventListener('abort', end)
  }
  const end = (): void => {
    if (stop.signal.aborted) return
    halt()
    try {
      layers.remove(layer)
    } catch (error) {
      refused(`what lies below ${by} is not applied`, error)
    }
  }
  if (signal?.aborted) end()
  else signal?.addEventListener('abort', end, { once: true })
  forget = configured.onClose(halt)
  // Not in the context of whoever watches: a document concerns no call.
  const running = nobody.runInAsyncScope(run)

  const close = async (): Promise<void> => {
    end()
    const patience = new AbortController()
    const timeout = clock.sleep(END_TIMEOUT, patience.signal, { ref: false }).catch(() => {})
    await Promise.race([running, timeout])
    patience.abort()
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
