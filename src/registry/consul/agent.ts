import { networkUrl } from '../origin.ts'
import type { Instance } from '../source.ts'
import { packMeta } from '../http/string-meta.ts'

/** The ids of one registration: an agent knows services by id alone, so the id must tell two services apart. */
export function agentIds(service: string, instance: Instance): { serviceId: string; checkId: string } {
  const serviceId = `${service}:${instance.id}`
  return { serviceId, checkId: `service:${serviceId}` }
}

/** The body of `/v1/agent/service/register`. */
export function toRegistration(
  service: string,
  instance: Instance,
  { ttl, deregisterAfter }: { ttl: number; deregisterAfter: number },
): object {
  const { id, url, weight = 1, priority, draining, metadata } = instance
  const { tags, ...others } = metadata ?? {}
  const asTags = isTags(tags)
  const { hostname, port, protocol } = networkUrl(url)
  const secure = protocol === 'https:'
  const native = Number.isInteger(weight) && weight >= 1 && weight <= 65_535
  const own = {
    id,
    scheme: secure ? 'https' : 'http',
    weight: native ? undefined : weight,
    priority,
    draining,
  }
  const { serviceId, checkId } = agentIds(service, instance)
  return {
    ID: serviceId,
    Name: service,
    Address: hostname.replace(/^\[|\]$/g, ''),
    Port: Number(port) || (secure ? 443 : 80),
    Tags: asTags ? tags : [],
    Meta: packMeta(asTags ? { ...instance, metadata: others } : instance, own),
    Weights: { Passing: native ? weight : 1, Warning: 1 },
    Check: {
      CheckID: checkId,
      Name: 'heartbeat',
      TTL: `${ttl}ms`,
      Status: 'passing',
      DeregisterCriticalServiceAfter: `${deregisterAfter}ms`,
    },
  }
}

function isTags(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((tag) => typeof tag === 'string')
}
