import type { ClientDoors } from '../client/client.ts'
import type { Measured } from '../client/measured.ts'
import type { ClientSnapshot } from '../client/snapshot.ts'
import { checkMethods } from '../options.ts'

type Events = Pick<Measured, 'on' | 'off'>

/** What the dashboard uses of a client. */
export interface ShownClient
  extends
    Events,
    Pick<ClientDoors, 'snapshot' | 'explain' | 'isolate' | 'restore' | 'drain' | 'weigh' | 'dryRun'> {}

/** What it uses of an app-wide fetch. */
export interface ShownApp extends Events {
  client(name: string): ShownClient
  snapshot(): { readonly services: Readonly<Record<string, ClientSnapshot>> }
}

/** A client, an app-wide fetch, or several of them. */
export type Shown = ShownClient | ShownApp | readonly (ShownClient | ShownApp)[]

export interface Subject {
  readonly client: ShownClient
  readonly snapshot: ClientSnapshot
}

/** Checks what is to be shown. */
export function listOf(shown: Shown): readonly (ShownClient | ShownApp)[] {
  const list = [shown].flat() as readonly (ShownClient | ShownApp)[]
  for (const each of list) checkMethods('dashboard(clients)', each, ['on', 'off', 'snapshot'])
  return list
}

/** The services as they are now, by name: those of an app that have been called. */
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
