import type { Instance } from '../source.ts'

/** The part of a discovery.k8s.io/v1 EndpointSlice that is read. */
export interface EndpointSlice {
  readonly metadata: {
    readonly name: string
    readonly resourceVersion?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly addressType?: string
  readonly ports?: readonly SlicePort[] | null
  readonly endpoints?: readonly SliceEndpoint[] | null
}

interface SlicePort {
  readonly name?: string | null
  readonly port?: number | null
  readonly protocol?: string | null
  readonly appProtocol?: string | null
}

interface SliceEndpoint {
  readonly addresses?: readonly string[] | null
  readonly conditions?: {
    readonly ready?: boolean | null
    readonly serving?: boolean | null
    readonly terminating?: boolean | null
  } | null
  readonly zone?: string | null
  readonly nodeName?: string | null
  readonly hints?: { readonly forZones?: readonly { readonly name: string }[] | null } | null
  readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string } | null
}

export interface JoinOptions {
  readonly port?: string | number | undefined
  readonly scheme?: 'http' | 'https' | undefined
  readonly zone?: string | undefined
  readonly publishNotReady: boolean
}

/** Every endpoint by its id. The value is undefined for an endpoint that must not get requests. */
export type Endpoints = ReadonlyMap<string, Instance | undefined>

/** Combines all slices of a service. While slices are rebalanced, an endpoint may be in two of them. */
export function joinSlices(slices: readonly EndpointSlice[], options: JoinOptions): Endpoints {
  const joined = new Map<string, Instance | undefined>()
  const pods = new Set<string>()
  for (const { id, endpoint, scheme, state } of candidates(slices, options).toSorted(bestFirst)) {
    if (joined.has(id)) continue
    if (state === 'unusable') {
      joined.set(id, undefined)
      continue
    }
    // A pod of a dual-stack service is in slices of both address families, but is one instance.
    const pod = endpoint.targetRef?.uid
    if (pod !== undefined && pods.has(pod)) continue
    if (pod !== undefined) pods.add(pod)
    joined.set(id, toInstance(id, endpoint, scheme, state))
  }
  return joined
}

interface Candidate {
  readonly id: string
  readonly endpoint: SliceEndpoint
  readonly scheme: 'http' | 'https'
  readonly state: State
  readonly isIPv6: boolean
}

function candidates(slices: readonly EndpointSlice[], options: JoinOptions): Candidate[] {
  const filled = slices.filter(
    ({ addressType, endpoints }) => endpoints?.length && (addressType === 'IPv4' || addressType === 'IPv6'),
  )
  const ported = filled.flatMap((slice) => {
    const port = choosePort(slice.ports ?? [], options.port)
    return port ? [{ ...slice, port }] : []
  })
  if (filled.length > 0 && ported.length === 0) throw portError(filled, options.port)

  const isOurs = zoneFilter(filled, options)
  return ported.flatMap(({ addressType, endpoints, port }) =>
    (endpoints ?? []).map((endpoint): Candidate => {
      const isIPv6 = addressType === 'IPv6'
      // The API does not define the meaning of further addresses.
      const [address = ''] = endpoint.addresses ?? []
      const id = `${isIPv6 ? `[${address}]` : address}:${port.number}`
      const scheme = options.scheme ?? port.scheme
      const state = stateOf(endpoint, options)
      const isOtherZone = state === 'ready' && !isOurs(endpoint)
      return { id, endpoint, scheme, isIPv6, state: isOtherZone ? 'unusable' : state }
    }),
  )
}

const RANK = { ready: 0, draining: 1, unusable: 2 }

function bestFirst(a: Candidate, b: Candidate): number {
  return RANK[a.state] - RANK[b.state] || Number(a.isIPv6) - Number(b.isIPv6)
}

function toInstance(id: string, endpoint: SliceEndpoint, scheme: string, state: State): Instance {
  const { zone, nodeName, targetRef } = endpoint
  const metadata = {
    ...(targetRef?.kind === 'Pod' && targetRef.name && { pod: targetRef.name }),
    ...(nodeName && { node: nodeName }),
  }
  return {
    id,
    url: `${scheme}://${id}`,
    ...(zone && { zone }),
    ...(state === 'draining' && { draining: true }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  }
}

type State = 'ready' | 'draining' | 'unusable'

/** Defaults of absent conditions: ready is true, serving equals ready, terminating is false. */
function stateOf({ conditions }: SliceEndpoint, { publishNotReady }: { publishNotReady: boolean }): State {
  const ready = conditions?.ready ?? true
  const serving = conditions?.serving ?? ready
  const terminating = conditions?.terminating ?? false
  if (ready) return 'ready'
  if (terminating) return serving || publishNotReady ? 'draining' : 'unusable'
  return publishNotReady ? 'ready' : 'unusable'
}

/** kube-proxy's rule: hints are used only if every ready endpoint has one and at least one hint names our zone. */
function zoneFilter(
  slices: readonly EndpointSlice[],
  { zone, publishNotReady }: JoinOptions,
): (endpoint: SliceEndpoint) => boolean {
  const zonesOf = ({ hints }: SliceEndpoint): readonly string[] =>
    hints?.forZones?.map(({ name }) => name) ?? []
  const ready = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter((endpoint) => stateOf(endpoint, { publishNotReady }) === 'ready')
  const all = (): boolean => true
  if (zone === undefined || !ready.every((endpoint) => zonesOf(endpoint).length > 0)) return all
  const isOurs = (endpoint: SliceEndpoint): boolean => zonesOf(endpoint).includes(zone)
  return ready.some(isOurs) ? isOurs : all
}

interface ChosenPort {
  readonly number: number
  readonly scheme: 'http' | 'https'
}

/** Returns undefined when the slice does not have the wanted port. */
function choosePort(
  ports: readonly SlicePort[],
  wanted: string | number | undefined,
): ChosenPort | undefined {
  const tcp = ports.filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
  const found = tcp.find(({ name, port }) => {
    if (wanted === undefined) return tcp.length === 1
    return wanted === (typeof wanted === 'number' ? port : name)
  })
  // A port number need not be in the slice: the slices of some services list no ports.
  const number = typeof wanted === 'number' ? wanted : found?.port
  return number == null ? undefined : { number, scheme: found?.appProtocol === 'https' ? 'https' : 'http' }
}

function portError(slices: readonly EndpointSlice[], wanted: string | number | undefined): Error {
  const names = new Set(
    slices.flatMap(({ ports }) => ports ?? []).map(({ name, port }) => name || String(port)),
  )
  const known = names.size > 0 ? [...names].join(', ') : 'none'
  return new Error(
    wanted === undefined
      ? `kubernetes: the option port must name a port of the service, which has: ${known}`
      : `kubernetes: no port ${JSON.stringify(wanted)}; the service has: ${known}`,
  )
}
