import { createClient, type Client } from '../client/create-client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { FetchOptions } from '../client/create-fetch.ts'
import { checkObject, quote } from '../options.ts'
import { toSource, type SourceConfig } from './source.ts'

export type { SourceConfig }

/** What createClient() takes; a source may be written as data. */
export interface ServiceConfig extends Omit<ClientOptions, 'service' | 'source'> {
  source: ClientOptions['source'] | SourceConfig
}

/** What `outrigger.config.{js,ts,json}` exports. */
export interface RegisterConfig {
  /** By the host that callers write. */
  services: Record<string, ServiceConfig>
  /** What becomes of every other host: on to where it would have gone, or an error. @default 'pass' */
  otherwise?: 'pass' | 'deny'
}

/** The clients of a configuration. Every error names the file and the key. */
export async function readConfig(
  file: string,
  value: unknown,
  folder: string,
): Promise<Required<FetchOptions>> {
  await within(file, () => checkObject('configuration', value, ['services', 'otherwise']))
  const { services, otherwise = 'pass' } = value as Partial<RegisterConfig>
  if (otherwise !== 'pass' && otherwise !== 'deny') {
    throw new TypeError(`${file}: otherwise must be 'pass' or 'deny', got ${quote(otherwise)}`)
  }
  if (typeof services !== 'object' || services === null || Array.isArray(services)) {
    throw new TypeError(`${file}: services must be an object, got ${quote(services)}`)
  }
  const clients: Record<string, Client> = {}
  for (const [service, config] of Object.entries(services)) {
    const key = `${file}: services['${service}']`
    if (typeof config !== 'object' || config === null || 'service' in config) {
      throw new TypeError(
        `${key} must be an object of client options without 'service', got ${quote(config)}`,
      )
    }
    const source = await within(`${key}.source`, () => toSource(config.source, folder))
    clients[service] = await within(key, () => createClient({ ...config, service, source }))
  }
  return { services: clients, otherwise }
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
