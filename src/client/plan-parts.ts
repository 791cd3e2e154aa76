import { isDeepStrictEqual } from 'node:util'
import { plainCopy } from './update.ts'

/**
 * The parts of plans that learn or count: limits, throttles, hedges, caches. An update of the options keeps each part whose
 * own options are the same, with what it has learnt.
 */
export class PlanParts {
  readonly #before: ReadonlyMap<string, Part> | undefined
  readonly #now = new Map<string, Part>()

  constructor(before?: PlanParts) {
    this.#before = before && before.#now
  }

  /** The part of this name as it was, if its options have not changed; made anew otherwise. */
  reuseOrMake<T>(name: string, options: unknown, make: () => T): T {
    const before = this.#before?.get(name)
    const part =
      before && isDeepStrictEqual(before.options, options)
        ? before
        : { options: plainCopy(options), made: make() }
    this.#now.set(name, part)
    return part.made as T
  }
}

interface Part {
  readonly options: unknown
  readonly made: unknown
}
