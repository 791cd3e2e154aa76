import { poolOptions, type PoolSettings } from '../attempt/make-pool.ts'
import type { Plans } from '../doors/plan/plans.ts'
import type { Pool } from '../undici.ts'
import type { ClientOptions } from './options.ts'
import { plainCopy } from './update.ts'

/**
 * Returns the settings of a client's pools: they depend on `transport`, `maxResponseSize`, and the longest timeouts
 * of the client and its routes. If an update of the options changes the settings, each instance gets a new pool.
 */
export function poolSettings(options: ClientOptions, { base, routed }: Plans): PoolSettings {
  const { transport = {}, maxResponseSize } = options
  const given =
    maxResponseSize === undefined
      ? transport
      : requireTransportOptions(
          'maxResponseSize',
          transport,
          'set the limit in the dispatchers that it makes',
        )
  if (typeof given === 'function') return given
  const timeouts = [base, ...routed].map(({ timeout }) => timeout)
  const settings = poolOptions(given, {
    connect: Math.max(...timeouts.map(({ connect }) => connect)),
    total: Math.max(...timeouts.map(({ total }) => total)),
  })
  // A copy, because the caller may change the objects later. undici itself counts the bytes on the wire.
  return plainCopy(maxResponseSize === undefined ? settings : { ...settings, maxResponseSize })
}

/** Returns `transport` for an option that needs pools of this library. Throws a TypeError if it is a function. */
export function requireTransportOptions(
  name: string,
  transport: ClientOptions['transport'] = {},
  hint: string = 'the dispatchers that it makes are only for calls',
): Pool.Options {
  if (typeof transport !== 'function') return transport
  throw new TypeError(`${name} cannot be used with a function as transport: ${hint}`)
}
