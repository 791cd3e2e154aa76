import { unusable } from '../hooks/unusable.ts'
import { socketPath } from '../registry/origin.ts'
import type { Instance } from '../registry/source.ts'
import type { Dispatcher, Pool } from '../undici.ts'
import { Connections } from './connection.ts'
import { checkTransport } from './transport.ts'
import { acceptAnyUndici } from './older-undici.ts'

type MakePool = (instance: Instance) => Dispatcher

/** What a pool is made from: options of undici's Pool, or a user function that returns a dispatcher. */
export type PoolSettings = Pool.Options | MakePool

/** The longest timeouts of a client and its routes, in milliseconds; Infinity for none. */
export interface LongestTimeouts {
  readonly connect: number
  readonly total: number
}

/** undici's default timeouts, in milliseconds. */
const CONNECT_TIMEOUT = 10_000
const HEADERS_TIMEOUT = 300_000

/**
 * Returns the options for a Pool. undici's own timeouts end no request before the client's do. Throws if undici does
 * not accept `transport`, so that an error appears when the client is made and not at its first call.
 */
export function poolOptions(transport: Pool.Options, longest: LongestTimeouts): Pool.Options {
  checkTransport(transport)
  return { ...undiciLimits(longest), ...transport }
}

/** Returns the function that makes the dispatcher of an instance. */
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

/** Returns undici's timeouts where the client's are longer than undici's defaults. For undici, 0 means no timeout. */
export function undiciLimits({ connect, total }: LongestTimeouts): Pool.Options {
  return {
    ...(connect > CONNECT_TIMEOUT && { connectTimeout: connect === Infinity ? 0 : connect }),
    ...(total > HEADERS_TIMEOUT && { headersTimeout: 0 }),
  }
}
