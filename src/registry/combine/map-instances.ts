import { disown } from '../../hooks/disown.ts'
import { unusable } from '../../hooks/unusable.ts'
import { checkFunction } from '../../options.ts'
import { checkSource } from '../discovery.ts'
import type { Instance, Source } from '../source.ts'

/**
 * Passes every instance through `fn`. `fn` returns the instance, a changed copy, or `undefined` to drop it. An
 * error that `fn` throws is a failure of the source.
 *
 * @example
 * mapInstances(consul(), (instance) => (instance.metadata?.canary ? undefined : { ...instance, zone: 'a' }))
 */
export function mapInstances(
  source: Source,
  fn: (instance: Instance, service: string) => Instance | undefined,
): Source {
  checkSource('mapInstances() source', source)
  checkFunction('mapInstances() fn', fn)
  return {
    ...(source.emptyGrace !== undefined && { emptyGrace: source.emptyGrace }),
    async *watch(service, context) {
      for await (const snapshot of source.watch(service, context)) {
        // Discovery rejects a snapshot that is not an array.
        yield Array.isArray(snapshot) ? mapped(snapshot, service, fn) : snapshot
      }
    },
  }
}

function mapped(
  snapshot: readonly Instance[],
  service: string,
  fn: (instance: Instance, service: string) => Instance | undefined,
): readonly Instance[] {
  return snapshot.flatMap((entry: unknown) => {
    // `fn` may rely on its parameter's type. Discovery rejects an entry that is not an object, with a reason.
    if (typeof entry !== 'object' || entry === null) return [entry as Instance]
    const made = fn(entry as Instance, service) ?? []
    if (disown(made)) throw unusable('mapInstances() fn', 'an instance or undefined', made)
    return made
  })
}
