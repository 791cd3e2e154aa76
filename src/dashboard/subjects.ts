import type { ClientDoors } from '../client/client.ts'
import type { ClientSnapshot } from '../client/snapshot.ts'
import { watch, type Watchable } from '../observe/watchers.ts'
import { checkMethods, quote } from '../options.ts'

/** The part of a client that the dashboard uses. */
export interface ShownClient
  extends
    Watchable,
    Pick<ClientDoors, 'snapshot' | 'explain' | 'isolate' | 'restore' | 'drain' | 'weigh' | 'dryRun'> {}

/** The part of an app-wide fetch that the dashboard uses. */
export interface ShownApp extends Watchable {
  client(name: string): ShownClient
  snapshot(): { readonly services: Readonly<Record<string, ClientSnapshot>> }
}

/** A client, an app-wide fetch, or several of them. */
export type Shown = ShownClient | ShownApp | readonly (ShownClient | ShownApp)[]

export interface Subject {
  readonly client: ShownClient
  readonly snapshot: ClientSnapshot
}

/** Checks the clients to show. */
export function listOf(shown: Shown): readonly (ShownClient | ShownApp)[] {
  const list = [shown].flat() as readonly (ShownClient | ShownApp)[]
  for (const each of list) {
    checkMethods('dashboard(clients)', each, ['snapshot'])
    if (typeof each[watch] !== 'function')
      throw new TypeError(
        `dashboard(clients) must be made by createClient() or createFetch() of this copy of Outrigger, got ${quote(each)}`,
      )
  }
  return list
}

/** Returns the current services by name. For an app, those that have been called. */
export function subjectsOf(list: readonly (ShownClient | ShownApp)[]): Map<string, Subject> {
  const subjects = new Map<string, Subject>()
  for (const each of list) {
    const snapshot = each.snapshot()
    if (!('services' in snapshot)) subjects.set(snapshot.service, { client: each as ShownClient, snapshot })
    else {
      for (const [host, own] of Object.entries(snapshot.services)) {
        subjects.set(own.service, { client: (each as ShownApp).client(host), snapshot: own })
      }
    }
  }
  return subjects
}
