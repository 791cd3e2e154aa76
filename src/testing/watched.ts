import { inspect } from 'node:util'
import { Discovery } from '../registry/discovery.ts'
import type { Instance, Source } from '../registry/source.ts'
import type { SourceHarness } from './harness.ts'
import { boundOf, freshService, sameSet, until } from './suite-helpers.ts'

/** A service that is watched by Discovery, and the calls of its callbacks. */
export interface Watched {
  readonly service: string
  readonly discovery: Discovery
  readonly changes: (readonly Instance[])[]
  readonly stale: unknown[]
  /** How many times the source recovered. */
  recovered: number
  /** Resolves once exactly these instances are discovered. */
  readonly shows: (instances: readonly Instance[]) => Promise<void>
}

/**
 * Fills a new service, runs a source on it, and cleans up. If `instances` is undefined, nothing is ever
 * registered for the service.
 */
export async function watched(
  harness: SourceHarness,
  instances: readonly Instance[] | undefined,
  run: (watch: Watched) => Promise<void>,
  options: { source?: Source | undefined; emptyGrace?: number } = {},
): Promise<void> {
  const service = freshService()
  if (instances) await harness.set(service, instances)
  const discovery = new Discovery({
    source: options.source ?? harness.source(),
    service,
    emptyGrace: options.emptyGrace ?? 0,
    backoff: { initial: 50, max: 500 },
    onInstances: (now) => watch.changes.push(now),
    onStale: (error) => watch.stale.push(error),
    onRecovered: () => watch.recovered++,
  })
  const watch: Watched = {
    service,
    discovery,
    changes: [],
    stale: [],
    recovered: 0,
    shows: (expected) =>
      until(
        boundOf(harness),
        () => discovery.seen && sameSet(harness, discovery.instances, expected),
        () =>
          `expected ${inspect(expected)}, got ${inspect(discovery.instances)}, ${inspect(discovery.error)}`,
      ),
  }
  discovery.start()
  try {
    await run(watch)
  } finally {
    await discovery.close()
    if (instances) await harness.set(service, [])
  }
}
