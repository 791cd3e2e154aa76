import { resolve } from 'node:path'
import { checkObject, quote } from '../../options.ts'
import { checkSource } from '../discovery.ts'
import { snapshots } from '../snapshots.ts'
import type { Instance, Source } from '../source.ts'
import { cacheFile } from './cache-file.ts'
import { COMBINE_OPTIONS, combineSettings, type CombineOptions } from './options.ts'
import { Part } from './part.ts'

/** Options of `cached()`. */
export interface CachedOptions extends CombineOptions {
  /** Where the instances are kept; made when missing. Give each process its own. */
  file: string
}

/**
 * Keeps the last good instances on disk, so that a process which starts while the registry is down still finds
 * them. The file is used only when `source` fails, or says nothing for `patience`, before its first answer.
 *
 * @example
 * cached(consul(), { file: '/var/cache/shop/instances.json' })
 */
export function cached(source: Source, options: CachedOptions): Source {
  checkSource('cached() source', source)
  checkObject('cached', options, ['file', ...COMBINE_OPTIONS])
  if (typeof options.file !== 'string' || options.file === '') {
    throw new TypeError(`cached.file must be a path, got ${quote(options.file)}`)
  }
  const settings = combineSettings('cached', options)
  const file = cacheFile(resolve(options.file))
  return {
    ...(source.emptyGrace !== undefined && { emptyGrace: source.emptyGrace }),
    watch: (service, { signal }) =>
      snapshots(signal, (sink) => {
        const report = (error: unknown): void => settings.report(error, service)
        let kept: readonly Instance[] | undefined
        let current: readonly Instance[] | undefined
        const show = (instances: readonly Instance[]): void => {
          if (instances === current) return
          current = instances
          sink.next(instances)
          // An empty list is no help after a restart, and a registry that lost its memory would wipe the file.
          if (instances !== kept && instances.length > 0) file.save(service, instances, report)
        }
        const decide = (): void => {
          if (part.seen) show(part.instances)
          else if (part.pending || !kept) return
          else if (kept.length > 0) show(kept)
          else if (part.failing) sink.fail(part.error)
        }
        // A drop to zero is held by whoever drives the whole.
        const part = new Part({ source, service, settings, emptyGrace: 0, onChange: decide })
        const take = (instances: readonly Instance[]): void => {
          kept = instances
          decide()
        }
        file.read(service).then(take, (error: unknown) => {
          report(error)
          take([])
        })
        part.start()
        return () => part.close()
      }),
  }
}
