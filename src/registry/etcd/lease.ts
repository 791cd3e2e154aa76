import { RegistryAnswerError } from '../http/http.ts'
import { toInstance } from '../instance.ts'
import type { InstanceInit, Lease } from '../source.ts'
import { Gateway, type Cluster } from './gateway.ts'
import { base64 } from './layout.ts'

/** Writes the instance under its id, attached to a lease. Without heartbeats, etcd deletes both. */
export async function registerInstance(
  cluster: Cluster,
  prefix: string,
  init: InstanceInit,
  { ttl, signal }: { ttl: number; signal: AbortSignal },
): Promise<Lease> {
  const instance = toInstance(init)
  const key = base64(prefix + instance.id)
  const value = base64(JSON.stringify(instance))
  const granted = await withGateway(cluster, async (gateway) => {
    const TTL = String(Math.ceil(ttl / 1000))
    const { ID, TTL: seconds } = await gateway.call('/v3/lease/grant', { TTL }, signal)
    // A key without a lease would never expire.
    if (typeof ID !== 'string') {
      const { current } = gateway.endpoints
      gateway.endpoints.skip(current)
      throw new Error(`etcd: ${current} answered without a lease`)
    }
    await gateway.call('/v3/kv/put', { key, value, lease: ID }, signal)
    return { ID, ttl: Number(seconds) * 1000 }
  })
  return {
    ttl: granted.ttl,
    renew: ({ signal }) => withGateway(cluster, (gateway) => renew(gateway, granted.ID, key, signal)),
    release: ({ signal }) => withGateway(cluster, (gateway) => revoke(gateway, granted.ID, signal)),
  }
}

async function renew(gateway: Gateway, ID: unknown, key: string, signal: AbortSignal): Promise<boolean> {
  const { result } = await gateway.call('/v3/lease/keepalive', { ID }, signal)
  // For an expired lease, etcd answers without a TTL.
  if ((result as { TTL?: string } | undefined)?.TTL === undefined) return false
  // The lease may still exist although the key was deleted by hand.
  const { count } = await gateway.call('/v3/kv/range', { key, count_only: true }, signal)
  return count === '1'
}

async function revoke(gateway: Gateway, ID: unknown, signal: AbortSignal): Promise<void> {
  try {
    await gateway.call('/v3/lease/revoke', { ID }, signal)
  } catch (error) {
    if (!(error instanceof RegistryAnswerError && error.status === 404)) throw error
  }
}

async function withGateway<T>(cluster: Cluster, run: (gateway: Gateway) => Promise<T>): Promise<T> {
  const gateway = new Gateway(cluster)
  try {
    return await run(gateway)
  } finally {
    await gateway.close()
  }
}
