import type { Instance } from '../../../src/registry/source.ts'
import type { KubernetesServer } from '../../support/servers/index.ts'
import { SERVICE } from './world.ts'

const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'

/** One slice for each pod, because all of them have the address of this machine and differ in their ports. */
export async function setSlice(cluster: KubernetesServer, instance: Instance, ready: boolean): Promise<void> {
  const { hostname, port } = new URL(instance.url)
  const name = `${SERVICE}-${instance.id}`
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': SERVICE } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: Number(port), protocol: 'TCP' }],
    endpoints: [{ addresses: [hostname], conditions: { ready, serving: ready, terminating: false } }],
  }
  const path = `${SLICES}/${name}`
  const { metadata, endpoints } = ((await cluster.api('GET', path).catch(notFound)) ?? {}) as Partial<
    typeof slice & { metadata: { resourceVersion: string } }
  >
  if (!metadata) await cluster.api('POST', SLICES, slice)
  else if (endpoints?.[0]?.conditions.ready !== ready) {
    const { resourceVersion } = metadata
    await cluster.api('PUT', path, { ...slice, metadata: { ...slice.metadata, resourceVersion } })
  }
}

function notFound(error: unknown): undefined {
  if (!/: 404: /.test(String(error))) throw error
}
