import type { ClientSnapshot, LimitSnapshot, MirrorSnapshot } from '../client/snapshot.ts'
import { redactUrl, redactUrls } from '../registry/origin.ts'
import { cut } from './cut.ts'
import type { Counts, ServiceCounts } from './meter.ts'
import type { Subject } from './subjects.ts'

interface Measures {
  readonly calls: number
  readonly failed: number
  readonly p50: number | undefined
  readonly p99: number | undefined
}

/** The data of a service that a page gets once a second. */
export interface ServiceFrame extends Measures {
  readonly name: string
  readonly ready: boolean
  readonly stale: boolean
  readonly sourceError: string | undefined
  readonly retries: number
  readonly hedges: number
  readonly refused: number
  readonly budget: number
  readonly limits: readonly Limit[]
  readonly mirrors: readonly Mirrored[]
  readonly instances: readonly InstanceFrame[]
  readonly routes: readonly (Measures & { readonly key: string })[]
  /** Calls by latency: the first row up to 1 ms, each further row √2 times as high. */
  readonly latencies: readonly number[]
}

interface InstanceFrame extends Measures {
  readonly id: string
  readonly url: string
  readonly zone?: string | undefined
  readonly version?: string | undefined
  readonly state: string
  readonly why: string
  readonly weight: number
  readonly inFlight: number
  readonly queued: number
  readonly byHand: boolean
}

interface Limit extends LimitSnapshot {
  readonly name: string
}

interface Mirrored extends MirrorSnapshot {
  readonly name: string
}

const NONE = { retries: 0, hedges: 0, refused: 0 }

/**
 * The maximum length of a text from a registry, in characters. Ids are not cut, because actions need the
 * complete id.
 */
const MAX_LENGTH = 1_000

const short = (text: string): string => cut(text, MAX_LENGTH)

/** Makes the frame of one service: its state, and its counts since the last frame. */
export function serviceFrame({ client, snapshot }: Subject, counts: ServiceCounts | undefined): ServiceFrame {
  const { service, ready, stale, instances } = snapshot
  const explained = client.explain()
  const explanations = new Map(explained.instances.map((each) => [each.id, each]))
  const { retries, hedges, refused } = counts ?? NONE
  return {
    name: service,
    ready,
    stale,
    sourceError: explained.sourceError === undefined ? undefined : short(redactUrls(explained.sourceError)),
    ...measures(counts),
    retries,
    hedges,
    refused,
    budget: explained.budget,
    limits: limitsOf(snapshot),
    mirrors: mirrorsOf(snapshot),
    routes: [...(counts?.routes ?? [])].map(([key, own]) => ({ key, ...measures(own) })),
    instances: instances.map(({ instance, inFlight, queued, byHand }) => {
      const explanation = explanations.get(instance.id)
      const version = instance.metadata?.['version']
      return {
        id: instance.id,
        url: short(redactUrl(instance.url)),
        zone: instance.zone === undefined ? undefined : short(instance.zone),
        version: typeof version === 'string' ? short(version) : undefined,
        state: explanation?.state ?? 'available',
        why: short(explanation?.why ?? ''),
        weight: explanation?.weight ?? 1,
        inFlight,
        queued,
        byHand: byHand !== undefined,
        ...measures(counts?.instances.get(instance.id)),
      }
    }),
    latencies: counts?.latencies.rows() ?? [],
  }
}

function measures(counts: Counts | undefined): Measures {
  if (!counts) return { calls: 0, failed: 0, p50: undefined, p99: undefined }
  const { calls, failed, latencies } = counts
  return { calls, failed, p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) }
}

function limitsOf({ limit, routeLimits }: ClientSnapshot): Limit[] {
  return ownAndRoutes(limit, routeLimits)
}

function mirrorsOf({ mirror, routeMirrors }: ClientSnapshot): Mirrored[] {
  return ownAndRoutes(mirror, routeMirrors).map((each) => ({ ...each, to: short(each.to) }))
}

function ownAndRoutes<Part extends object>(
  own: Part | undefined,
  routes: Readonly<Record<string, Part>> = {},
): (Part & { readonly name: string })[] {
  const ofRoutes = Object.entries(routes).map(([name, each]) => ({ name, ...each }))
  return own ? [{ name: 'the client', ...own }, ...ofRoutes] : ofRoutes
}
