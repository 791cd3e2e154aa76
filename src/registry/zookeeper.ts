import { systemClock, type Clock } from '../clock.ts'
import { checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { checkService } from './http/options.ts'
import type { Instance, Registrar, SignalContext, Source } from './source.ts'
import { Operations, Sessions, type ZooKeeperClientOption } from './zookeeper/client.ts'
import { undecodable } from './undecodable.ts'
import { curator, dubbo, type Layout } from './zookeeper/layout.ts'
import { registerNode, type HeldNode } from './zookeeper/lease.ts'

export type { ZooKeeperClient, ZooKeeperClientOption, ZooKeeperStat } from './zookeeper/client.ts'

/** Options of `zookeeper()`. */
export interface ZooKeeperOptions {
  /**
   * A function that returns a new client of the package `node-zookeeper-client` on which `connect()` has been
   * called. It is called at first, and again when a session has expired, because the client is then unusable
   * and is closed. Or one client, for a process that ends with its session. You remain responsible for closing
   * the clients.
   */
  client: ZooKeeperClientOption
  /**
   * The layout of the nodes. `curator`: that of Curator's service discovery, Spring Cloud Zookeeper, and
   * Dubbo's applications. `dubbo`: that of Dubbo's interfaces. Only providers that use HTTP are discovered.
   * @default 'curator'
   */
  layout?: 'curator' | 'dubbo'
  /**
   * The parent node of the services.
   * @default '/discovery', or '/dubbo'
   */
  root?: string
  /**
   * How long a registration lives after its last heartbeat, in ms. If the process ends, it lives as long as the
   * session.
   * @default 15_000
   */
  ttl?: number
  /**
   * Time between two reads when no watch fires, in ms, ± 10 %. It also limits how long a frozen server stays
   * undetected.
   * @default 10_000
   */
  poll?: number
  /**
   * How long ZooKeeper may take for one answer, in ms.
   * @default 5_000
   */
  timeout?: number
  /** @default the system's clock */
  clock?: Clock
}

const OPTIONS: Record<keyof ZooKeeperOptions, true> = {
  client: true,
  layout: true,
  root: true,
  ttl: true,
  poll: true,
  timeout: true,
  clock: true,
}

/** The shortest time from one read to the next, in ms, however often watches fire. */
const MIN_INTERVAL = 50

/** How many nodes are read in parallel. */
const BATCH = 100

/**
 * Discovers and registers instances in ZooKeeper 3.4 or later, through your client.
 *
 * @example
 * const connect = () => {
 *   const client = zk.createClient('127.0.0.1:2181')
 *   client.connect()
 *   return client
 * }
 * const registry = zookeeper({ client: connect })
 */
export function zookeeper(options: ZooKeeperOptions): Source & Registrar {
  checkObject('zookeeper', options, Object.keys(OPTIONS))
  const { layout: name = 'curator', clock = systemClock } = options
  const { ttl = 15_000, poll = 10_000, timeout = 5_000 } = options
  if (name !== 'curator' && name !== 'dubbo') {
    throw new TypeError(`layout must be 'curator' or 'dubbo', got ${quote(name)}`)
  }
  const layout = name === 'curator' ? curator : dubbo
  const { root = name === 'curator' ? '/discovery' : '/dubbo' } = options
  if (typeof root !== 'string' || !/^(\/[^/]+)*$/.test(root)) {
    throw new TypeError(`root must be a path like '/discovery', got ${quote(root)}`)
  }
  checkNumber('ttl', ttl, { min: 100 })
  checkNumber('poll', poll, { min: MIN_INTERVAL })
  checkNumber('timeout', timeout, { exclusive: true })
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const sessions = new Sessions(options.client, clock)
  const wakers = new Wakers()
  const held = new Map<string, HeldNode>()

  async function* watch(
    service: string,
    { signal }: SignalContext,
  ): AsyncGenerator<readonly Instance[], void> {
    checkService(service)
    if (signal.aborted) return
    const waker = wakers.listen(service)
    try {
      for (;;) {
        waker.reset()
        const operations = new Operations(sessions.client, { clock, timeout, signal })
        yield await read(operations, layout, layout.parent(root, service), waker.wake)
        await clock.sleep(MIN_INTERVAL, signal, { ref: false })
        await waker.next(clock, poll * (0.9 + 0.2 * clock.random()), signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      waker.close()
    }
  }

  return {
    watch,
    register: async (service, instance, context) => {
      checkService(service)
      return registerNode({ sessions, layout, root, ttl, timeout, clock, held }, service, instance, context)
    },
  }
}

async function read(
  operations: Operations,
  layout: Layout,
  parent: string,
  wake: () => void,
): Promise<readonly Instance[]> {
  const names = (await operations.children(parent, wake)) ?? []
  const instances: Instance[] = []
  const readOne = async (name: string): Promise<Instance | undefined> => {
    const data = layout.nameOnly ? '' : await operations.data(`${parent}/${name}`, wake)
    return data === undefined ? undefined : decode(layout, name, data)
  }
  for (let at = 0; at < names.length; at += BATCH) {
    const some = await Promise.all(names.slice(at, at + BATCH).map(readOne))
    instances.push(...some.filter((each) => each !== undefined))
  }
  return instances
}

/**
 * Never throws, so one bad node does not block the others. `SnapshotReader` drops entries that could not be
 * decoded.
 */
function decode(layout: Layout, name: string, data: string): Instance | undefined {
  try {
    return layout.read(name, data)
  } catch (error) {
    return undecodable(name, name, data, error)
  }
}

interface Waker {
  readonly wake: () => void
  reset(): void
  next(clock: Clock, ms: number, signal: AbortSignal): Promise<void>
  close(): void
}

/**
 * One watcher function for all watches of a service. The ZooKeeper client cannot remove a watcher, so a
 * separate function for each watch would leak.
 */
class Wakers {
  readonly #byService = new Map<string, { readonly wake: () => void; readonly listeners: Set<() => void> }>()

  listen(service: string): Waker {
    const { wake, listeners } = this.#of(service)
    let sleep = new AbortController()
    const listener = (): void => sleep.abort()
    listeners.add(listener)
    return {
      wake,
      reset: () => {
        sleep = new AbortController()
      },
      next: async (clock, ms, signal) => {
        const either = AbortSignal.any([signal, sleep.signal])
        await clock.sleep(ms, either, { ref: false }).catch(() => {})
        signal.throwIfAborted()
      },
      close: () => void listeners.delete(listener),
    }
  }

  #of(service: string): { readonly wake: () => void; readonly listeners: Set<() => void> } {
    const known = this.#byService.get(service)
    if (known) return known
    const listeners = new Set<() => void>()
    const entry = { listeners, wake: () => listeners.forEach((each) => each()) }
    this.#byService.set(service, entry)
    return entry
  }
}
