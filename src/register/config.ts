import type { ClientOptions } from '../client/options.ts'
import { createFetch, type FetchOptions, type ServiceOptions } from '../app/create-fetch.ts'
import { checkObject, quote } from '../options.ts'
import { toSource, type SourceConfig } from './source.ts'

export type { SourceConfig }

/** What a service takes; a source may be written as data. */
export interface ServiceConfig extends Omit<ServiceOptions, 'source'> {
  source?: ClientOptions['source'] | SourceConfig
}

/** What `outrigger.config.{js,ts,json}` exports: what `createFetch()` takes, with sources as data. */
export interface RegisterConfig extends Omit<FetchOptions, 'source' | 'services' | 'clock'> {
  /** Names the JSON schema for editors. */
  $schema?: string
  /** Of all services that have none of their own. */
  source?: ClientOptions['source'] | SourceConfig
  /** By the host that callers write. */
  services?: Record<string, ServiceConfig>
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
]

/** The options of a configuration, its sources made. Every error names the file and the key. */
export async function readConfig(file: string, value: unknown, folder: string): Promise<FetchOptions> {
  await within(file, () => checkObject('configuration', value, CONFIG))
  const { $schema: _schema, source: shared, ...config } = value as RegisterConfig
  const { services = config.unknown === 'discover' ? {} : undefined, ...rest } = config
  if (typeof services !== 'object' || services === null || Array.isArray(services)) {
    throw new TypeError(`${file}: services must be an object, got ${quote(services)}`)
  }
  const source = shared && (await within(`${file}: source`, () => toSource(shared, folder)))
  await within(file, () => createFetch({ ...rest, services: {}, ...(source && { source }) }))
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
    // Alone, so that the error names the service.
    await within(key, () =>
      createFetch({
        ...rest,
        unknown: 'pass',
        services: { [service]: made[service] ?? {} },
        ...(source && { source }),
      }),
    )
  }
  return { ...rest, services: made, ...(source && { source }) }
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
