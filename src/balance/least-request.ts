import { checkNumber, checkObject } from '../options.ts'
import type { Balancer } from './balancer.ts'
import { leastOf } from './least-of.ts'
import { weightOf } from './weight.ts'
import { factories } from './factories.ts'
import { markBuiltIn } from './own.ts'

/** Options of `leastRequest()`. */
export interface LeastRequestOptions {
  /**
   * The number of endpoints that are drawn for each pick. Two is nearly as good as comparing all (Mitzenmacher).
   * Comparing all would also make many clients choose the same idle endpoint at the same time.
   * @default 2
   */
  readonly choices?: number
}

/**
 * Draws two endpoints at random and picks the one with fewer attempts in flight per unit of weight.
 *
 * @example
 * createClient({ service: 'users', source, balance: leastRequest() })
 */
export function leastRequest(options: LeastRequestOptions = {}): Balancer {
  checkObject('leastRequest', options, ['choices'])
  const { choices = 2 } = options
  checkNumber('leastRequest.choices', choices, { min: 2, max: 64, integer: true })
  return markBuiltIn({ pick: leastOf(choices, (endpoint) => endpoint.inFlight / weightOf(endpoint)) })
}

factories.add(leastRequest)
