import { setTimeout as sleep } from 'node:timers/promises'
import type { MemoryRegistry } from '../../../src/registry/memory.ts'
import type { Instance, Source } from '../../../src/registry/source.ts'

export const SERVICE = 'user-service'

/** Milliseconds that a registration outlives its server. */
export const TTL = 3_000

/** The registrar of the servers' processes. */
export interface RegistrarAddress {
  readonly kind: 'etcd' | 'consul' | 'eureka' | 'redis' | 'zookeeper'
  readonly url: string
}

/** A registry, seen by one client and by the servers it is to find. */
export interface World extends AsyncDisposable {
  readonly source: Source
  /** Absent: servers announce themselves to the test's own registry, which is mirrored where the source looks. */
  readonly registrar?: RegistrarAddress
  /** Absent: a registry that cannot be away. */
  readonly outage?: Outage
}

export interface Outage {
  kill(): Promise<void>
  restart(options: { keepData: boolean }): Promise<void>
}

export interface Mirror extends AsyncDisposable {
  /** Writes all of it again, as whoever fills such a registry does when it has lost its data. */
  again(): void
}

/** Writes each snapshot of the embedded registry to another one; tries until that takes it. */
export function mirror(
  from: MemoryRegistry,
  write: (instances: readonly Instance[]) => Promise<void>,
): Mirror {
  const stop = new AbortController()
  const { signal } = stop
  let written: readonly Instance[] | undefined
  const running = (async () => {
    while (!signal.aborted) {
      const instances = from.discover(SERVICE)
      try {
        if (instances !== written) await write(instances)
        written = instances
      } catch {
        // It is away.
      }
      await sleep(20)
    }
  })()
  return {
    again: () => {
      written = undefined
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}
