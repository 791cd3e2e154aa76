import { checkNumber, checkObject } from '../options.ts'
import type { Clock } from '../clock.ts'

/** Exponential growth between two delays, in ms. */
export interface RegistryBackoff {
  /** @default 500 */
  initial?: number
  /** @default 15_000 */
  max?: number
}

/**
 * The delay after the nth failure in a row (1, 2, …): doubled each time, of which the upper half is random, so that
 * clients that lost one registry together do not come back together, and none at once.
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
