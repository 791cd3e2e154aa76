import { isPlainObject } from '../plain-data.ts'
import type { Instance } from '../source.ts'
import { unpackMeta } from '../http/string-meta.ts'

/** The part of one entry of `/v1/health/service/:service` that is read. */
interface HealthEntry {
  readonly Node: { readonly Node: string; readonly Address: string; readonly Meta?: unknown }
  readonly Service: {
    readonly ID: string
    readonly Address?: string
    readonly Port: number
    readonly Tags?: readonly string[] | null
    readonly Meta?: unknown
    readonly Weights?: { readonly Passing: number; readonly Warning: number }
  }
  readonly Checks: readonly { readonly Status: string }[] | null
}

/** Returns the instances that may get requests. */
export function readHealth(answer: unknown, scheme: string): readonly Instance[] {
  if (!Array.isArray(answer)) throw new TypeError('consul: the answer is not a list of instances')
  return (answer as readonly HealthEntry[])
    .filter(({ Checks }) =>
      (Checks ?? []).every(({ Status }) => Status === 'passing' || Status === 'warning'),
    )
    .map((entry) => toInstance(entry, scheme))
}

function toInstance({ Node, Service, Checks }: HealthEntry, scheme: string): Instance {
  const { own, zone = unpackMeta(Node.Meta).zone, metadata } = unpackMeta(Service.Meta)
  const weight = own['weight'] ?? weightOf(Service.Weights, Checks)
  const host = Service.Address || Node.Address
  const { scheme: ownScheme } = own
  const tags = Service.Tags?.length ? { tags: Service.Tags } : undefined
  return {
    // A service id is unique only on its node, and defaults to the service's name.
    id: own['id'] ?? `${Node.Node}/${Service.ID}`,
    url: `${isScheme(ownScheme) ? ownScheme : isSecure(Service) ? 'https' : scheme}://${host.includes(':') ? `[${host}]` : host}:${Service.Port}`,
    ...(weight !== 1 && { weight }),
    ...(zone !== undefined && { zone }),
    priority: own['priority'],
    draining: own['draining'],
    ...((metadata ?? tags) && { metadata: { ...tags, ...metadata } }),
  } as Instance
}

function weightOf(weights: HealthEntry['Service']['Weights'], checks: HealthEntry['Checks']): number {
  const warning = (checks ?? []).some(({ Status }) => Status === 'warning')
  return (warning ? weights?.Warning : weights?.Passing) ?? 1
}

/** Spring Cloud Consul marks https in the metadata, and older versions in the tags. */
function isSecure({ Meta, Tags }: HealthEntry['Service']): boolean {
  if (isPlainObject(Meta) && Meta['secure'] !== undefined) return Meta['secure'] === 'true'
  return Array.isArray(Tags) && Tags.includes('secure=true')
}

function isScheme(value: unknown): value is 'http' | 'https' {
  return value === 'http' || value === 'https'
}
