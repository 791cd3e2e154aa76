import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import type { ClientSnapshot } from './snapshot.ts'

/** A client or an app-wide fetch, as the source of metrics. */
export interface Measured {
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): unknown
  off<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): unknown
  snapshot(): ClientSnapshot | { readonly services: Readonly<Record<string, ClientSnapshot>> }
}

/** Returns the snapshots of all services. */
export function snapshotsOf(measured: Measured): ClientSnapshot[] {
  const snapshot = measured.snapshot()
  return 'services' in snapshot ? Object.values(snapshot.services) : [snapshot]
}

/** Returns the number of requests that wait for a connection of an instance, or for a place in a limit. */
export function queuedOf({ instances, limit, routeLimits = {} }: ClientSnapshot): number {
  const limits = [...(limit ? [limit] : []), ...Object.values(routeLimits)]
  return sumOf(instances, ({ queued }) => queued) + sumOf(limits, ({ queued }) => queued)
}

export function sumOf<Each>(all: readonly Each[], of: (each: Each) => number): number {
  return all.reduce((total, each) => total + of(each), 0)
}
