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

/** The host of a service by the name it has in `services`. */
export function hostOf(name: string): string {
  try {
    return logicalAddress(name).host
  } catch (error) {
    throw new TypeError(`services['${name}']: ${error instanceof Error ? error.message : quote(error)}`, {
      cause: error,
    })
  }
}

/** Throws for a client of another service than the one it is given for. */
export function checkClientOf(name: string, host: string, client: Client): void {
  const own = client.snapshot().service
  if (logicalAddress(own).host === host) return
  throw new TypeError(`services['${name}'] is a client of '${own}': make one for '${name}', or use that name`)
}

/** The options of one service: the defaults, and what differs; routes are merged by key. `kept` is the source it has already. */
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
  if (!own) throw new TypeError(`services['${name}'] has no source, and createFetch() has none either`)
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
 * What is wrong with the options of one service of many says which service it is, or that it stands in the defaults. `check` checks the
 * service; it gets what is written for it.
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

/** Whether the defaults alone have the same mistake. */
function isOfDefaults(message: string, check: () => unknown): boolean {
  try {
    check()
    return false
  } catch (error) {
    return error instanceof Error && error.message === message
  }
}

/** Of those who have set the options of an application, those who have set something for one service. */
export function ownersFor(
  service: string,
  owners: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const own = `services['${service}']`
  return Object.fromEntries(
    Object.entries(owners).filter(([option]) => option === 'defaults' || option === own),
  )
}

/** An update in which a service that is not named any more has the defaults. */
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
