import { unixTime, type Clock } from '../../clock.ts'
import { toInstance } from '../instance.ts'
import type { InstanceInit, Lease, SignalContext } from '../source.ts'
import { Operations, type Sessions } from './client.ts'
import type { Layout } from './layout.ts'

export interface LeaseOptions {
  readonly sessions: Sessions
  readonly layout: Layout
  readonly root: string
  readonly ttl: number
  readonly timeout: number
  readonly clock: Clock
  /** The nodes that this registrar has registered, by parent and id. */
  readonly held: Map<string, HeldNode>
}

/** A node that this registrar keeps registered. */
export interface HeldNode {
  readonly path: string
  /** A newer registration of the same id has replaced this one, which must then not remove the node. */
  replace(): void
}

/**
 * Registers an ephemeral node, which ends with the client's session. The client keeps the session alive. If the
 * process lives on but its heartbeats stop, the node is removed when none has arrived for the ttl.
 */
export async function registerNode(
  { sessions, layout, root, ttl, timeout, clock, held }: LeaseOptions,
  service: string,
  init: InstanceInit,
  { signal }: SignalContext,
): Promise<Lease> {
  const instance = toInstance(init)
  const parent = layout.parent(root, service)
  const path = `${parent}/${layout.nameOf(service, instance)}`
  const data = Buffer.from(layout.dataOf(service, instance, Math.round(unixTime(clock))))
  const { client } = sessions
  const operations = (context: SignalContext): Operations =>
    new Operations(client, { clock, timeout, ...context })
  await operations({ signal }).putOwn(parent, path, data)
  const key = `${parent}/${instance.id}`
  const before = held.get(key)
  // In a layout whose node name contains the data, changed data needs another node. Remove the old one.
  if (before && before.path !== path && (await operations({ signal }).isOwn(before.path))) {
    await operations({ signal }).remove(before.path)
  }
  before?.replace()
  let watch = new AbortController()
  let replaced = false
  const own: HeldNode = {
    path,
    replace: () => {
      replaced = true
      watch.abort()
    },
  }
  held.set(key, own)
  const release = async (context: SignalContext): Promise<void> => {
    if (replaced) return
    watch.abort()
    if (held.get(key) === own) held.delete(key)
    if (!sessions.isOver(client) && (await operations(context).isOwn(path)))
      await operations(context).remove(path)
  }
  const restartExpiry = (): void => {
    watch.abort()
    watch = new AbortController()
    const { signal: ended } = watch
    const expire = (): Promise<void> => release({ signal: new AbortController().signal })
    clock
      .sleep(ttl, ended, { ref: false })
      .then(expire)
      .catch(() => {})
  }
  restartExpiry()
  return {
    ttl,
    renew: async (context) => {
      if (sessions.isOver(client) || (watch.signal.aborted && !replaced)) return false
      if (!(await operations(context).isOwn(path))) return false
      if (!replaced) restartExpiry()
      return true
    },
    release,
  }
}
