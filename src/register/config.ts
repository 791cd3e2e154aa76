import type { ClientOptions } from '../client/options.ts'
import { createFetch, type AppFetch, type FetchOptions, type ServiceOptions } from '../app/create-fetch.ts'
import { checkEventName } from '../observe/event-names.ts'
import type { ClientEvents } from '../observe/events.ts'
import { checkBoolean, checkFunction, checkObject, checkRecord, quote } from '../options.ts'
import { isData } from './data-file.ts'
import { toSource, type SourceConfig } from './source.ts'

export type { SourceConfig }

/** What a service takes; a source may be written as data. */
export interface ServiceConfig extends Omit<ServiceOptions, 'source'> {
  source?: ClientOptions['source'] | SourceConfig
}

/** What is told of, by name of the event. */
export type RegisterListeners = {
  readonly [Name in keyof ClientEvents]?: (event: ClientEvents[Name]) => unknown
}

/** What `outrigger.config.{js,mjs,ts,mts,json,yaml,yml}` says: what `createFetch()` takes, with sources as data. */
export interface RegisterConfig extends Omit<FetchOptions, 'source' | 'services' | 'clock'> {
  /** Names the JSON schema for editors. */
  $schema?: string
  /** Of all services that have none of their own. */
  source?: ClientOptions['source'] | SourceConfig
  /** By the host that callers write. */
  services?: Record<string, ServiceConfig>
  /** Listeners to events of all services; from JavaScript only. @default {} */
  on?: RegisterListeners
  /** Is given the fetch of the application once it is in place, for metrics and logs; from JavaScript only. */
  observe?: (app: AppFetch) => unknown
  /** Whether a changed file is read again and applied, as a whole or not at all; JSON and YAML only. @default false */
  reload?: boolean
}

/** A configuration that has been read. */
export interface Configuration {
  readonly options: FetchOptions
  readonly on: RegisterListeners
  readonly observe: ((app: AppFetch) => unknown) | undefined
  readonly reload: boolean
  /** As it is written. */
  readonly written: RegisterConfig
}

const CONFIG: readonly (keyof RegisterConfig)[] = [
  '$schema',
  'source',
  'defaults',
  'services',
  'unknown',
  'otherwise',
  'suffixes',
  'idleTimeout',
  'on',
  'observe',
  'reload',
]

/** A configuration, its sources made. Every error names the file and the key. */
export async function readConfig(file: string, value: unknown, folder: string): Promise<Configuration> {
  await within(file, () => checkObject('configuration', value, CONFIG))
  const written = value as RegisterConfig
  const { $schema: _schema, source: shared, on = {}, observe, reload = false, ...config } = written
  await within(file, () => checkHooks(file, on, observe, reload))
  const { services = config.unknown === 'discover' ? {} : undefined, ...rest } = config
  if (typeof services !== 'object' || services === null || Array.isArray(services)) {
    throw new TypeError(`${file}: services must be an object, got ${quote(services)}`)
  }
  const source = shared && (await within(`${file}: source`, () => toSource(shared, folder)))
  const made: Record<string, ServiceOptions> = {}
  for (const [service, given] of Object.entries(services)) {
    const key = `${file}: services['${service}']`
    if (typeof given !== 'object' || given === null || 'service' in given) {
      throw new TypeError(`${key} must be an object of client options without 'service', got ${quote(given)}`)
    }
    const { source: own, ...options } = given
    if (own === undefined && source !== undefined) made[service] = options
    else {
      made[service] = { ...options, source: await within(`${key}.source`, () => toSource(own, folder)) }
    }
  }
  const options = { ...rest, services: made, ...(source && { source }) }
  await within(file, () => createFetch(options))
  return { options, on, observe, reload, written }
}

function checkHooks(file: string, on: unknown, observe: unknown, reload: unknown): void {
  checkRecord('on', on)
  for (const [name, listener] of Object.entries(on)) {
    checkEventName(name as keyof ClientEvents)
    checkFunction(`on['${name}']`, listener)
  }
  if (observe !== undefined) checkFunction('observe', observe)
  checkBoolean('reload', reload)
  if (reload === true && !isData(file)) {
    throw new TypeError('reload is for JSON and YAML: a module is loaded once')
  }
}

/** Says where an error comes from; the error itself is the cause. */
export async function within<T>(where: string, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    throw new TypeError(`${where}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
