import { checkNumber, checkObject } from '../options.ts'
import type { Clock } from '../clock.ts'

/** Exponential growth between two delays, both in ms. */
export interface RegistryBackoff {
  /** @default 500 */
  initial?: number
  /** @default 15_000 */
  max?: number
}

/**
 * Returns the delay in ms after the nth failure in a row (1, 2, …). It doubles each time, and its upper half is
 * random. So clients that lost one registry at the same moment do not reconnect at the same moment, and no
 * client reconnects at once.
 */
export function registryBackoff(
  name: string,
  options: RegistryBackoff = {},
): (n: number, clock: Clock) => number {
  checkObject(name, options, ['initial', 'max'])
  const { initial = 500 } = options
  checkNumber(`${name}.initial`, initial, { exclusive: true })
  const { max = Math.max(15_000, initial) } = options
  checkNumber(`${name}.max`, max, { min: initial })
  return (n, clock) => Math.min(max, initial * 2 ** (n - 1)) * (0.5 + clock.random() / 2)
}
