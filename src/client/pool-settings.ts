import { poolOptions, type PoolSettings } from '../attempt/make-pool.ts'
import type { Plans } from '../doors/plan/plans.ts'
import type { Pool } from '../undici.ts'
import type { ClientOptions } from './options.ts'
import { plainCopy } from './update.ts'

/**
 * All that the pools of a client are made of: `transport`, `maxResponseSize`, and the longest timeouts of the client and its routes.
 * When an update of the options changes it, each instance gets another pool.
 */
export function poolSettings(options: ClientOptions, { base, routed }: Plans): PoolSettings {
  const { transport = {}, maxResponseSize } = options
  const given =
    maxResponseSize === undefined
      ? transport
      : requireTransportOptions(
          'maxResponseSize',
          transport,
          'give it to the dispatcher that the function makes',
        )
  if (typeof given === 'function') return given
  const timeouts = [base, ...routed].map(({ timeout }) => timeout)
  const settings = poolOptions(given, {
    connect: Math.max(...timeouts.map(({ connect }) => connect)),
    total: Math.max(...timeouts.map(({ total }) => total)),
  })
  // A copy: what the caller does with his own objects later changes no pool. undici counts the bytes on the wire itself.
  return plainCopy(maxResponseSize === undefined ? settings : { ...settings, maxResponseSize })
}

/** `transport` for what only pools of our own can do: throws where it is a function. */
export function requireTransportOptions(
  name: string,
  transport: ClientOptions['transport'] = {},
  hint: string = 'what a function makes is for calls',
): Pool.Options {
  if (typeof transport !== 'function') return transport
  throw new TypeError(`${name} needs transport to be options: ${hint}`)
}
