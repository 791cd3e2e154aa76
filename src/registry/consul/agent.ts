import { networkUrl } from '../origin.ts'
import type { Instance } from '../source.ts'
import { OWN_KEY, packMeta } from '../http/string-meta.ts'

/** Consul's limits: the number of metadata keys of a service, and the number of characters of each value. */
const MAX_KEYS = 64
const MAX_VALUE = 512

/**
 * Returns the ids of one registration. An agent identifies services by id alone, so the id contains the
 * service's name.
 */
export function agentIds(service: string, instance: Instance): { serviceId: string; checkId: string } {
  const serviceId = `${service}:${instance.id}`
  return { serviceId, checkId: `service:${serviceId}` }
}

/** Returns the body of `/v1/agent/service/register`. */
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
  const meta = packMeta(asTags ? { ...instance, metadata: others } : instance, own)
  checkMeta(meta)
  return {
    ID: serviceId,
    Name: service,
    Address: hostname.replace(/^\[|\]$/g, ''),
    Port: Number(port) || (secure ? 443 : 80),
    Tags: asTags ? tags : [],
    Meta: meta,
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

/** Checks Consul's limits before the request, because Consul's error is less clear. */
function checkMeta(meta: Readonly<Record<string, string>>): void {
  const keys = Object.keys(meta)
  if (keys.length > MAX_KEYS) {
    throw new RangeError(`consul: metadata must have ${MAX_KEYS - 2} keys at most, got ${keys.length}`)
  }
  const own = meta[OWN_KEY] ?? ''
  if (own.length <= MAX_VALUE) return
  throw new RangeError(
    `consul: priority, draining, and metadata other than strings of up to ${MAX_VALUE} characters are stored as JSON, ` +
      `which must have at most ${MAX_VALUE} characters, got ${own.length}: ${own.slice(0, 100)}…`,
  )
}

function isTags(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((tag) => typeof tag === 'string')
}
