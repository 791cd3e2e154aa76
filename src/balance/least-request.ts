import { checkNumber, checkObject } from '../options.ts'
import type { Balancer } from './balancer.ts'
import { leastOf } from './least-of.ts'
import { weightOf } from './weight.ts'
import { factories } from './factories.ts'
import { markOurs } from './own.ts'

/** Options of `leastRequest()`. */
export interface LeastRequestOptions {
  /**
   * How many endpoints are drawn for each pick. Two is nearly as good as looking at all (Mitzenmacher),
   * without the herd that a glance at all sends to the one that looks idle.
   * @default 2
   */
  readonly choices?: number
}

/**
 * Of two endpoints drawn at random, the one with fewer attempts in flight per unit of weight.
 *
 * @example
 * createClient({ service: 'users', source, balance: leastRequest() })
 */
export function leastRequest(options: LeastRequestOptions = {}): Balancer {
  checkObject('leastRequest', options, ['choices'])
  const { choices = 2 } = options
  checkNumber('leastRequest.choices', choices, { min: 2, max: 64, integer: true })
  return markOurs({ pick: leastOf(choices, (endpoint) => endpoint.inFlight / weightOf(endpoint)) })
}

factories.add(leastRequest)
