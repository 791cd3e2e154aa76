import { createRequire } from 'node:module'
import { Agent, fetch as undiciFetch } from 'undici'
import { createClient, type Instance } from '../../src/index.ts'
import { cert } from '../../test/support/tls.ts'
import type { Directory } from './directory.ts'
import type { Contender } from './behaviour.ts'
import type { Incident } from './incident.ts'

// opossum has no types.
const require = createRequire(import.meta.url)
const Opossum = require('opossum') as new (send: Call) => { readonly opened: boolean; fire: Call }

/** Makes one call, reads its response to the end, and returns the status. */
export type Call = (init: RequestInit) => Promise<number>

export const contenders: Readonly<Record<Contender, (incident: Incident, directory: Directory) => Call>> = {
  fetch(incident, directory) {
    const send = sender(incident)
    let turn = 0
    return (init) => send(next(directory.listed, turn++), init)
  },

  /** One breaker per host with opossum's defaults, and round robin over the hosts whose breaker is not open. */
  opossum(incident, directory) {
    const send = sender(incident)
    const breakers = new Map<string, InstanceType<typeof Opossum>>()
    const breaker = (instance: Instance): InstanceType<typeof Opossum> => {
      const { url } = instance
      const found = breakers.get(url)
      if (found) return found
      const made = new Opossum(async (init) => {
        const status = await send(instance, init)
        if (status >= 500) throw new Error(String(status))
        return status
      })
      breakers.set(url, made)
      return made
    }
    let turn = 0
    return (init) => {
      const closed = directory.listed.filter((instance) => !breaker(instance).opened)
      return breaker(next(closed.length > 0 ? closed : directory.listed, turn++)).fire(init)
    }
  },

  outrigger({ h2 = false, connections, options = {} }, source) {
    const transport = {
      ...(connections === undefined ? {} : { connections }),
      ...(h2 ? { allowH2: true, connect: { ca: cert } } : {}),
    }
    const client = createClient({
      service: 'user-service',
      source,
      ...(h2 || connections !== undefined ? { transport } : {}),
      ...options,
    })
    const url = `${h2 ? 'https' : 'http'}://user-service/users/42`
    return async (init) => {
      const response = await client(url, init)
      await response.text()
      return response.status
    }
  },
}

function next(instances: readonly Instance[], turn: number): Instance {
  const instance = instances[turn % instances.length]
  if (!instance) throw new Error('no instance is listed')
  return instance
}

/**
 * The platform's fetch, or undici's if the row needs HTTP/2 or a bounded pool, which the platform's fetch does not
 * offer.
 */
function sender({
  h2 = false,
  connections,
  options,
}: Incident): (to: Instance, init: RequestInit) => Promise<number> {
  const bound = connections === undefined ? {} : { connections }
  const secure = h2 ? { allowH2: true, connect: { ca: cert, servername: 'user-service' } } : {}
  const dispatcher = h2 || connections !== undefined ? new Agent({ ...bound, ...secure }) : undefined
  const timeout = typeof options?.timeout === 'object' ? options.timeout.attempt : undefined
  return async ({ url }, init) => {
    const limited = timeout === undefined ? init : { ...init, signal: AbortSignal.timeout(timeout) }
    const response = dispatcher
      ? await undiciFetch(`${url}/users/42`, { ...(limited as object), dispatcher })
      : await fetch(`${url}/users/42`, limited)
    await response.text()
    return response.status
  }
}
