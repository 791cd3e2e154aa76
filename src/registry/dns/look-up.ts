import { hostAndPort } from '../origin.ts'
import type { Instance } from '../source.ts'
import { emptyIfNoRecord, type DnsAddress, type DnsResolver, type DnsSrv } from './resolver.ts'

export interface Question {
  readonly resolver: DnsResolver
  readonly name: string
  readonly scheme: 'http' | 'https'
  readonly family: 4 | 6 | undefined
}

export interface Answer {
  readonly instances: readonly Instance[]
  /** The smallest TTL, in ms, or undefined when no record has one. */
  readonly ttl: number | undefined
}

/** Returns every address of a name, at one port. */
export async function lookUpHost(question: Question, port: number): Promise<Answer> {
  const addresses = await resolveAddresses(question, question.name)
  return answer(
    addresses.map((address) => makeInstance(question.scheme, address.address, port)),
    addresses,
  )
}

/** Returns every address of every target of the SRV records (RFC 2782). */
export async function lookUpSrv(question: Question): Promise<Answer> {
  const records = await emptyIfNoRecord(() => question.resolver.resolveSrv(question.name))
  // The target '.' means that the service is not available (RFC 2782). Node.js returns it as ''.
  const usable = records.filter(({ name }) => name !== '' && name !== '.').toSorted(byPriority)
  const targets = [...new Set(usable.map(({ name }) => name))]
  const resolved = await Promise.all(targets.map((target) => resolveAddresses(question, target)))
  const addressesOf = new Map(targets.map((target, index) => [target, resolved[index] ?? []]))
  const instances = usable.flatMap((record) => {
    const addresses = addressesOf.get(record.name) ?? []
    // The weight belongs to the target, so its addresses share it.
    const weight = weightOf(record, usable) / addresses.length
    return addresses.map(({ address }) => ({
      ...makeInstance(question.scheme, address, record.port),
      weight,
      priority: record.priority,
      metadata: { target: record.name },
    }))
  })
  return answer(instances, [...usable, ...resolved.flat()])
}

/**
 * If two records lead to one address, the first one counts. The order must therefore not depend on the server's
 * rotation.
 */
function byPriority(a: DnsSrv, b: DnsSrv): number {
  return a.priority - b.priority || b.weight - a.weight || (a.name < b.name ? -1 : Number(a.name > b.name))
}

/**
 * By RFC 2782, weight 0 means no selection if all weights are 0. Next to positive weights it means a very small
 * chance: here 1 % of the smallest positive weight.
 */
function weightOf({ priority, weight }: DnsSrv, records: readonly DnsSrv[]): number {
  if (weight > 0) return weight
  const positive = records
    .filter((record) => record.priority === priority && record.weight > 0)
    .map((record) => record.weight)
  return positive.length === 0 ? 1 : Math.min(...positive) / 100
}

async function resolveAddresses(
  { resolver, family }: Question,
  name: string,
): Promise<readonly DnsAddress[]> {
  const [v4, v6] = await Promise.all([
    family === 6 ? [] : emptyIfNoRecord(() => resolver.resolve4(name, { ttl: true })),
    family === 4 ? [] : emptyIfNoRecord(() => resolver.resolve6(name, { ttl: true })),
  ])
  return [...v4, ...v6]
}

function makeInstance(scheme: string, address: string, port: number): Instance {
  const url = `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`
  return { id: hostAndPort(url), url }
}

/** Servers rotate their answers, so the order has no meaning. Instances are sorted by id. */
function answer(instances: readonly Instance[], records: readonly { readonly ttl?: number }[]): Answer {
  const ttls = records.flatMap(({ ttl }) => (ttl !== undefined && ttl >= 0 ? [ttl * 1_000] : []))
  return {
    instances: instances.toSorted((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id))),
    ttl: ttls.length === 0 ? undefined : Math.min(...ttls),
  }
}
