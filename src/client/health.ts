import { logicalAddress } from '../doors/plan/target.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Checks } from '../health/checker.ts'
import type { CheckHost } from '../health/check-client.ts'
import { grpcCheck } from '../health/grpc-check.ts'
import type { Check } from '../health/health.ts'
import { httpCheck } from '../health/http-check.ts'
import { healthPolicy, type HealthPolicy } from '../health/policy.ts'
import { tcpCheck } from '../health/tcp-check.ts'
import type { Pool } from '../undici.ts'
import type { ClientOptions } from './options.ts'
import { requireTransportOptions } from './pool-settings.ts'

/** Returns the health checks that the options ask for; undefined for none. */
export function checksOf({ health, transport, service }: ClientOptions): Checks | undefined {
  if (health === undefined || health === false) return undefined
  const policy = healthPolicy(health)
  return {
    policy,
    check: checkOf(policy, requireTransportOptions('health', transport), logicalAddress(service)),
  }
}

function checkOf(policy: HealthPolicy, transport: Pool.Options, logical: CheckHost): Check {
  if (policy.path !== undefined) return httpCheck(policy, transport, logical)
  return policy.grpc === undefined ? tcpCheck(policy.port) : grpcCheck(policy, transport, logical)
}

/** True if the balancer leaves the instance to other clients. */
export function isOthers({ balancer }: Fleet, endpoint: LiveEndpoint, now: number): boolean {
  try {
    return balancer.standing?.(endpoint, now)?.otherSubset === true
  } catch {
    // The user's strategy has thrown. The instance is checked.
    return false
  }
}
