import { callWithin, type Client } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import { logicalAddress } from '../doors/plan/target.ts'
import { quote } from '../quote.ts'
import { checkIsSource } from '../registry/discovery.ts'
import type { Source } from '../registry/source.ts'
import type { FetchOptions, ServiceOptions } from './options.ts'

export function isClient(value: unknown): value is Client {
  return typeof value === 'function' && callWithin in value
}

/** Returns the host of a service from its name in `services`. */
export function hostOf(name: string): string {
  try {
    return logicalAddress(name).host
  } catch (error) {
    throw new TypeError(`services['${name}']: ${error instanceof Error ? error.message : quote(error)}`, {
      cause: error,
    })
  }
}

/** Throws if the client belongs to another service than its name says. */
export function checkClientOf(name: string, host: string, client: Client): void {
  const own = client.snapshot().service
  if (logicalAddress(own).host === host) return
  throw new TypeError(`services['${name}'] is a client of '${own}': make one for '${name}', or use that name`)
}

/**
 * Returns the options of one service: its own options over the defaults, with routes merged by key. `kept` is
 * the source that the service already has.
 */
export function optionsOf(
  name: string,
  given: ServiceOptions,
  { source, defaults, clock }: FetchOptions,
  kept?: Source,
): ClientOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(`services['${name}'] must be a client or an object of options, got ${quote(given)}`)
  }
  for (const key of ['service', 'clock']) {
    if (key in given) throw new TypeError(`services['${name}'] cannot have ${key}`)
  }
  const { source: own = kept ?? source, ...options } = given
  if (!own) throw new TypeError(`services['${name}'] needs a source, because createFetch() has none`)
  if (given.source) checkIsSource(`services['${name}'].source`, given.source)
  const routes = { ...defaults?.routes, ...options.routes }
  return {
    ...defaults,
    ...options,
    ...(Object.keys(routes).length > 0 && { routes }),
    service: name,
    source: own,
    ...(clock && { clock }),
  }
}

/**
 * Runs `check` with the options of one service. Adds to an error whether the invalid option is in this service
 * or in the defaults.
 */
export function ofService<T>(name: string, given: ServiceOptions, check: (given: ServiceOptions) => T): T {
  try {
    return check(given)
  } catch (error) {
    const service = `services['${name}']`
    if (!(error instanceof Error) || error.message.startsWith(service)) throw error
    const where = isOfDefaults(error.message, () => check(given.source ? { source: given.source } : {}))
      ? 'defaults'
      : service
    const Kind = error instanceof RangeError ? RangeError : TypeError
    throw new Kind(`${where}: ${error.message}`, { cause: error })
  }
}

/** Whether the defaults alone cause the same error. */
function isOfDefaults(message: string, check: () => unknown): boolean {
  try {
    check()
    return false
  } catch (error) {
    return error instanceof Error && error.message === message
  }
}

/** Selects the owners of an application's options that have set an option of this service. */
export function ownersFor(
  service: string,
  owners: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const own = `services['${service}']`
  return Object.fromEntries(
    Object.entries(owners).filter(([option]) => option === 'defaults' || option === own),
  )
}

/**
 * Returns the update, with an empty object for each service that is no longer named, so that it gets the
 * defaults.
 */
export function withDefaults(
  update: Readonly<Record<string, unknown>>,
): Pick<FetchOptions, 'defaults' | 'services' | 'unknown'> {
  const { services, ...others } = update
  if (typeof services !== 'object' || services === null) return update
  const named = Object.entries(services).map(([name, given]: [string, unknown]) => [
    name,
    given === undefined ? {} : given,
  ])
  return { ...others, services: Object.fromEntries(named) as NonNullable<FetchOptions['services']> }
}
