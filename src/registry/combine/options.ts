import { systemClock, type Clock } from '../../clock.ts'
import { notify } from '../../hooks/notify.ts'
import { checkFunction, checkMethods, checkNumber, checkObject } from '../../options.ts'
import { checkSource } from '../discovery.ts'
import type { Source } from '../source.ts'

/** Options of all functions that combine sources. */
export interface CombineOptions {
  /**
   * How long a source may be silent at the start, or fail after it was good, before the combination continues
   * without it, in ms.
   * @default 2_000
   */
  patience?: number
  /**
   * Called with errors that the combination handles and that therefore cause no `source:stale` event: a source
   * fails (once per outage), entries are dropped, a cache cannot be read or written.
   */
  onError?: (error: unknown, service: string) => void
  /** @default the system's clock */
  clock?: Clock
}

export interface CombineSettings {
  readonly patience: number
  readonly clock: Clock
  /** Never throws. */
  readonly report: (error: unknown, service: string) => void
}

/** At least one source, then optional options. */
export type CombineArguments = readonly [Source, ...Source[]] | readonly [Source, ...Source[], CombineOptions]

export const COMBINE_OPTIONS: readonly string[] = ['patience', 'onError', 'clock']

export function combineSettings(name: string, options: CombineOptions): CombineSettings {
  const { patience = 2_000, onError, clock = systemClock } = options
  if (onError !== undefined) checkFunction(`${name}.onError`, onError)
  checkMethods(`${name}.clock`, clock, ['now', 'sleep', 'random'])
  return {
    patience: checkNumber(`${name}.patience`, patience),
    clock,
    report: (error, service) => {
      if (onError)
        notify(onError, [error, service], { message: `${name}: onError threw`, code: 'OUTRIGGER_SOURCE' })
    },
  }
}

export function combineArguments(
  name: string,
  args: CombineArguments,
): { readonly sources: readonly Source[]; readonly settings: CombineSettings } {
  const last: unknown = args.at(-1)
  const options = typeof last === 'object' && last !== null && !('watch' in last) ? last : undefined
  const sources = (options ? args.slice(0, -1) : [...args]) as Source[]
  if (options) checkObject(name, options, COMBINE_OPTIONS)
  if (sources.length === 0) throw new TypeError(`${name}() needs at least one source`)
  for (const [index, source] of sources.entries()) checkSource(`${name}() source ${index}`, source)
  return { sources, settings: combineSettings(name, options ?? {}) }
}
