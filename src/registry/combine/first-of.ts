import { DEFAULT_EMPTY_GRACE } from '../discovery.ts'
import { snapshots } from '../snapshots.ts'
import type { Source } from '../source.ts'
import { combineArguments, type CombineArguments } from './options.ts'
import { Part } from './part.ts'

/**
 * Uses the first source that has instances. All sources are watched all the time, so a change to the next
 * source, and back to an earlier one, needs no round trip. Fails when no source has instances and one of them
 * fails.
 *
 * @example
 * firstOf(consul(), file('/etc/app/instances.json'))
 */
export function firstOf(...args: CombineArguments): Source {
  const { sources, settings } = combineArguments('firstOf', args)
  const { patience } = settings
  return {
    emptyGrace: Math.max(...sources.map((source) => source.emptyGrace ?? DEFAULT_EMPTY_GRACE)),
    watch: (service, { signal }) =>
      snapshots(signal, (sink) => {
        let current: unknown
        const decide = (): void => {
          for (const { instances, failedTooLong, pending } of parts) {
            if (pending) return
            if (instances.length === 0 || failedTooLong) continue
            // Publish only when the instances of the source in use change.
            if (instances !== current) sink.next(instances)
            current = instances
            return
          }
          if (parts.every((part) => part.seen && !part.failing)) sink.next([])
          else if (parts.every((part) => part.seen || part.failing)) sink.fail(failure())
        }
        const failure = (): unknown => {
          const errors = parts.filter((part) => part.failing).map((part) => part.error)
          return errors.length === 1
            ? errors[0]
            : new AggregateError(errors, `no source has an instance of ${service}`)
        }
        const parts = sources.map((source) => {
          const emptyGrace = Math.min(patience, source.emptyGrace ?? Infinity)
          return new Part({ source, service, settings, emptyGrace, onChange: decide })
        })
        for (const part of parts) part.start()
        return () => {
          for (const part of parts) part.close()
        }
      }),
  }
}
