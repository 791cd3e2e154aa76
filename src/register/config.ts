import type { ClientOptions } from '../client/options.ts'
import { createFetch, type AppFetch, type FetchOptions, type ServiceOptions } from '../app/create-fetch.ts'
import { checkEventName } from '../observe/event-names.ts'
import type { ClientEvents } from '../observe/events.ts'
import { checkBoolean, checkFunction, checkObject, checkRecord, quote } from '../options.ts'
import { isData } from './data-file.ts'
import { toSource, type SourceConfig } from './source.ts'

export type { SourceConfig }

/** Options of a service. The source may be data. */
export interface ServiceConfig extends Omit<ServiceOptions, 'source'> {
  source?: ClientOptions['source'] | SourceConfig
}

/** Listeners, by the name of the event. */
export type RegisterListeners = {
  readonly [Name in keyof ClientEvents]?: (event: ClientEvents[Name]) => unknown
}

/**
 * The content of `outrigger.config.{js,mjs,ts,mts,json,yaml,yml}`: the options of `createFetch()`, with sources
 * as data.
 */
export interface RegisterConfig extends Omit<FetchOptions, 'source' | 'services' | 'clock'> {
  /** The url of the JSON schema, for editors. */
  $schema?: string
  /** The source of all services that do not set one. */
  source?: ClientOptions['source'] | SourceConfig
  /** Options of each service, by the host that callers use. */
  services?: Record<string, ServiceConfig>
  /** Listeners for events of all services. Only in JavaScript and TypeScript files. @default {} */
  on?: RegisterListeners
  /**
   * Called with the application's fetch once it is installed, for metrics and logs. Only in JavaScript and
   * TypeScript files.
   */
  observe?: (app: AppFetch) => unknown
  /**
   * Whether a changed file is read again and applied, either completely or not at all. Only for JSON and YAML.
   * @default false
   */
  reload?: boolean
}

/** A configuration that has been read and checked. */
export interface Configuration {
  readonly options: FetchOptions
  readonly on: RegisterListeners
  readonly observe: ((app: AppFetch) => unknown) | undefined
  readonly reload: boolean
  /** The configuration as the file contains it. */
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

/** Checks a configuration and makes its sources. Every error names the file and the key. */
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
    throw new TypeError('reload must be false or absent for this file: only JSON and YAML can be read again')
  }
}

/** Adds the place to the message of an error. The original error is the cause. */
export async function within<T>(where: string, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    throw new TypeError(`${where}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
