import type { EndpointSlice } from '../../../src/registry/kubernetes/slices.ts'
import type { Instance } from '../../../src/registry/source.ts'

export type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number]

export const http = { name: 'http', port: 8080, protocol: 'TCP' }

export function slice(endpoints: SliceEndpoint[], rest: Partial<EndpointSlice> = {}): EndpointSlice {
  return { metadata: { name: 'orders-a' }, addressType: 'IPv4', ports: [http], endpoints, ...rest }
}

export const at = (address: string, rest: Partial<SliceEndpoint> = {}): SliceEndpoint => ({
  addresses: [address],
  ...rest,
})
export const urls = (instances: readonly Instance[]): string[] => instances.map(({ url }) => url)
