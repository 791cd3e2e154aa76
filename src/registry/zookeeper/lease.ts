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
  /** What this registrar has registered, by parent and id. */
  readonly held: Map<string, HeldNode>
}

/** A node that this registrar keeps. */
export interface HeldNode {
  readonly path: string
  /** A newer registration of the id has taken its place: it removes nothing any more. */
  replace(): void
}

/**
 * A node that goes with the client's session, which the client itself keeps alive. So that it goes as well when the
 * heartbeats stop in a process that lives on, it is removed once none has come for the ttl.
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
  // Where the name says all, what has changed about an instance leaves a second node.
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
  const beat = (): void => {
    watch.abort()
    watch = new AbortController()
    const { signal: ended } = watch
    const expire = (): Promise<void> => release({ signal: new AbortController().signal })
    clock
      .sleep(ttl, ended, { ref: false })
      .then(expire)
      .catch(() => {})
  }
  beat()
  return {
    ttl,
    renew: async (context) => {
      if (sessions.isOver(client) || (watch.signal.aborted && !replaced)) return false
      if (!(await operations(context).isOwn(path))) return false
      if (!replaced) beat()
      return true
    },
    release,
  }
}
