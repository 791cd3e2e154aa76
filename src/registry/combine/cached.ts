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
  /** The file that stores the instances. It is created if it does not exist. Use one file per process. */
  file: string
}

/**
 * Stores the last good instances on disk, so that a process that starts while the registry is down still finds
 * them. The file is used only when `source` fails, or is silent for `patience`, before its first answer.
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
        let fromFile: readonly Instance[] | undefined
        let current: readonly Instance[] | undefined
        const publish = (instances: readonly Instance[]): void => {
          if (instances === current) return
          current = instances
          sink.next(instances)
          // Do not save an empty list: it is useless after a restart, and a registry that lost its data would
          // empty the file.
          if (instances !== fromFile && instances.length > 0) file.save(service, instances, report)
        }
        const decide = (): void => {
          if (part.seen) publish(part.instances)
          else if (part.pending || !fromFile) return
          else if (fromFile.length > 0) publish(fromFile)
          else if (part.failing) sink.fail(part.error)
        }
        // The client that watches this source holds back a drop to zero.
        const part = new Part({ source, service, settings, emptyGrace: 0, onChange: decide })
        const take = (instances: readonly Instance[]): void => {
          fromFile = instances
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
