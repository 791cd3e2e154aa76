import { snapshots } from '../snapshots.ts'
import type { Instance, Source } from '../source.ts'
import { combineArguments, type CombineArguments } from './options.ts'
import { Part } from './part.ts'

/**
 * Combines the instances of all sources. If two sources have the same id, the earlier source counts. A source
 * that fails keeps its last good instances. A source that has not answered within `patience` joins when it
 * does. Fails only when every source has failed and none has ever answered.
 *
 * @example
 * merge(kubernetes({ namespace: 'shop' }), fixed(['http://10.0.0.7:8080']))
 */
export function merge(...args: CombineArguments): Source {
  const { sources, settings } = combineArguments('merge', args)
  return {
    // Each part has already held back its drop to zero.
    emptyGrace: 0,
    watch: (service, { signal }) =>
      snapshots(signal, (sink) => {
        const update = (): void => {
          if (parts.some((part) => part.pending)) return
          if (parts.some((part) => part.seen)) sink.next(union(parts))
          else if (parts.every((part) => part.failing)) sink.fail(failure())
        }
        const failure = (): AggregateError =>
          new AggregateError(
            parts.map((part) => part.error),
            `every source of ${service} failed`,
          )
        const parts = sources.map((source) => new Part({ source, service, settings, onChange: update }))
        for (const part of parts) part.start()
        return () => {
          for (const part of parts) part.close()
        }
      }),
  }
}

function union(parts: readonly Part[]): readonly Instance[] {
  const byId = new Map<string, Instance>()
  for (const part of parts) {
    for (const instance of part.instances) if (!byId.has(instance.id)) byId.set(instance.id, instance)
  }
  return [...byId.values()]
}
