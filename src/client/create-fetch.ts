import { dispatchOutside, Platform, urlText, type Fetch, type FetchInput } from '../attempt/platform.ts'
import type { OtherClients } from '../doors/fetch/transfer.ts'
import { logicalAddress } from '../doors/plan/target.ts'
import { OutriggerError } from '../errors.ts'
import { checkObject, checkRecord, quote } from '../options.ts'
import { callWithin, type Client } from './create-client.ts'

export interface FetchOptions {
  /** Clients by the host that callers write. */
  services: Record<string, Client>
  /** What becomes of every other host: on to the platform's fetch, or an error. @default 'pass' */
  otherwise?: 'pass' | 'deny'
}

/**
 * An app-wide fetch, by host name.
 *
 * @example
 * globalThis.fetch = createFetch({ services: { 'user-service': users } })
 */
export function createFetch(options: FetchOptions): Fetch {
  checkObject('createFetch()', options, ['services', 'otherwise'])
  const { services, otherwise = 'pass' } = options
  if (otherwise !== 'pass' && otherwise !== 'deny') {
    throw new TypeError(`otherwise must be 'pass' or 'deny', got ${quote(otherwise)}`)
  }
  checkRecord('services', services)
  const clients = new Map<string, Client>()
  for (const [service, client] of Object.entries(services)) {
    if (typeof client !== 'function' || !(callWithin in client)) {
      throw new TypeError(`services['${service}'] must be a client made by createClient()`)
    }
    const { host } = logicalAddress(service)
    const own = client.snapshot().service
    if (logicalAddress(own).host !== host) {
      throw new TypeError(
        `services['${service}'] is a client of '${own}': make one for '${service}', or use that name`,
      )
    }
    if (clients.has(host)) throw new TypeError(`services names '${host}' twice, in different spellings`)
    clients.set(host, client)
  }
  const platform = new Platform()
  const otherClients: OtherClients = (origin) => {
    const client = clients.get(hostOf(origin))
    if (!client && otherwise === 'deny') return { dispatch: () => deny(origin) }
    return client?.dispatcher ?? { dispatch: dispatchOutside }
  }
  return async (input: FetchInput, ...[init]: [init?: RequestInit]): Promise<Response> => {
    const returning = platform.returning(input, init)
    if (returning) return returning
    const url = URL.parse(urlText(input))
    // fetch itself says what is wrong with what is no absolute URL; data: and blob: never leave the process.
    if (!url || !/^https?:$/.test(url.protocol)) return platform.fetch(input, init)
    const client = clients.get(url.host)
    if (client) return client[callWithin](input, init, otherClients)
    return otherwise === 'deny' ? deny(url.origin) : platform.fetch(input, init)
  }
}

/** Refuses a host that nobody asked for. */
export function deny(origin: string): never {
  throw new OutriggerError(
    'ERR_OUTRIGGER_DENIED',
    `${origin} is none of this fetch's services, and otherwise is 'deny'`,
  )
}

function hostOf(origin: string): string {
  return origin.slice(origin.indexOf('//') + 2)
}
