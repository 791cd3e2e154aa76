import { checkRecord } from '../../options.ts'
import type { Dispatcher } from '../../undici.ts'
import { logicalAddress } from '../plan/target.ts'

/** The part of a client that the interceptor uses. */
export interface DispatchingClient {
  readonly dispatcher: Dispatcher
  snapshot(): { readonly service: string }
}

/**
 * Returns an undici interceptor. It sends requests for the hosts of these clients to an instance, and passes all
 * others on to the dispatcher inside. Each request is one attempt. Compose retry and redirect interceptors after this
 * one, so that they are outside of it.
 *
 * @example
 * setGlobalDispatcher(new Agent().compose(outrigger(users), interceptors.redirect({ maxRedirections: 5 })))
 * await request('http://user-service/users/42')
 */
export function outrigger(
  services: DispatchingClient | Readonly<Record<string, DispatchingClient>>,
): Dispatcher.DispatcherComposeInterceptor {
  const dispatchers = dispatchersByHost(services)
  return (dispatch) =>
    // `compose` requires a function of exactly two parameters.
    (options, handler) => {
      const ours = dispatchers.get(hostOf(options.origin))
      return ours ? ours.dispatch(options, handler) : dispatch(options, handler)
    }
}

function dispatchersByHost(
  services: DispatchingClient | Readonly<Record<string, DispatchingClient>>,
): ReadonlyMap<string, Dispatcher> {
  if (isClient(services)) {
    return new Map([[logicalAddress(services.snapshot().service).host, services.dispatcher]])
  }
  checkRecord('outrigger(), if it is no client,', services)
  return new Map(
    Object.entries(services).map(([service, client]: [string, unknown]) => {
      if (!isClient(client)) {
        throw new TypeError(`outrigger()['${service}'] must be a client made by createClient()`)
      }
      const { host } = logicalAddress(service)
      const clientService = client.snapshot().service
      if (logicalAddress(clientService).host === host) return [host, client.dispatcher]
      throw new TypeError(`outrigger()['${service}'] is a client of '${clientService}'`)
    }),
  )
}

function isClient(value: unknown): value is DispatchingClient {
  return typeof value === 'function' && 'dispatcher' in value && 'snapshot' in value
}

/**
 * Returns the host of an origin in any form that undici accepts. The origin is not parsed, because that costs more
 * than a pick.
 */
function hostOf(origin: string | URL | undefined): string {
  if (typeof origin !== 'string') return origin?.host ?? ''
  const start = origin.indexOf('//') + 2
  return origin.slice(start, origin.endsWith('/') ? -1 : undefined)
}
