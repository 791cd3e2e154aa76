import { logicalAddress } from '../doors/plan/target.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Checks } from '../health/checker.ts'
import { httpCheck } from '../health/http-check.ts'
import { healthPolicy } from '../health/policy.ts'
import { tcpCheck } from '../health/tcp-check.ts'
import type { WarmUp } from '../fleet/warming.ts'
import { warmUp } from '../attempt/warm-up.ts'
import type { ClientOptions } from './options.ts'

/** What the options say of health checks; undefined for none. */
export function checksOf({ health, transport = {}, service }: ClientOptions): Checks | undefined {
  if (health === undefined || health === false) return undefined
  const policy = healthPolicy(health)
  if (typeof transport === 'function') {
    throw new TypeError('health needs transport to be options: what a function makes is for calls')
  }
  const check =
    policy.path === undefined ? tcpCheck(policy.port) : httpCheck(policy, transport, logicalAddress(service))
  return { policy, check }
}

/** Whether the balancer leaves an instance to other clients. */
export function isOthers({ balancer }: Fleet, endpoint: LiveEndpoint, now: number): boolean {
  try {
    return balancer.standing?.(endpoint, now)?.otherSubset === true
  } catch {
    // A strategy of the user's: the instance is checked.
    return false
  }
}

/** How new instances are warmed; undefined where they are not. */
export function warmUpOf({ warm = 0, transport = {}, service }: ClientOptions): WarmUp | undefined {
  if (warm === 0) return undefined
  if (typeof transport === 'function') {
    throw new TypeError(
      'warm needs transport to be options: what a function makes is not asked for connections',
    )
  }
  const logical = logicalAddress(service)
  return ({ pool, instance: { url } }) => warmUp(pool, url, logical, warm)
}
