import { unusable } from '../hooks/unusable.ts'
import { socketPath } from '../registry/origin.ts'
import type { Instance } from '../registry/source.ts'
import type { Dispatcher, Pool } from '../undici.ts'
import { Connections } from './connection.ts'
import { checkTransport } from './transport.ts'
import { acceptAnyUndici } from './older-undici.ts'

type MakePool = (instance: Instance) => Dispatcher

/** All that pools are made of: options of undici's, or the user's function that makes them. */
export type PoolSettings = Pool.Options | MakePool

/** The longest times, in ms, that a client's own timeouts let go by; Infinity for as long as it takes. */
export interface LongestTimeouts {
  readonly connect: number
  readonly total: number
}

/** undici's own limits, in ms. */
const CONNECT_TIMEOUT = 10_000
const HEADERS_TIMEOUT = 300_000

/** Options of undici's for a pool of ours, whose own limits end nothing before the client's do. Bad ones throw here, not at the first call. */
export function poolOptions(transport: Pool.Options, longest: LongestTimeouts): Pool.Options {
  checkTransport(transport)
  return { ...undiciLimits(longest), ...transport }
}

/** What makes the dispatcher of an instance. */
export function poolMaker(settings: PoolSettings): MakePool {
  if (typeof settings === 'function') {
    return (instance) => {
      const dispatcher: unknown = settings(instance)
      if (!isDispatcher(dispatcher)) throw unusable('transport()', 'an undici dispatcher', dispatcher)
      return acceptAnyUndici(dispatcher)
    }
  }
  return ({ url }) => {
    const path = socketPath(url)
    return path === undefined
      ? new Connections(url, settings)
      : new Connections('http://localhost', { ...settings, socketPath: path })
  }
}

function isDispatcher(value: unknown): value is Dispatcher {
  const methods = (value ?? {}) as Record<string, unknown>
  return ['dispatch', 'close', 'destroy'].every((method) => typeof methods[method] === 'function')
}

/** undici must not give up earlier than the client would; 0 is never. */
export function undiciLimits({ connect, total }: LongestTimeouts): Pool.Options {
  return {
    ...(connect > CONNECT_TIMEOUT && { connectTimeout: connect === Infinity ? 0 : connect }),
    ...(total > HEADERS_TIMEOUT && { headersTimeout: 0 }),
  }
}
