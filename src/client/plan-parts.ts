import { isDeepStrictEqual } from 'node:util'
import { plainCopy } from './update.ts'

/**
 * The parts of plans that learn or count: limits, throttles, hedges, caches. An update of the options keeps each part
 * whose own options are unchanged, with what it has learned.
 */
export class PlanParts {
  readonly #before: ReadonlyMap<string, Part> | undefined
  readonly #now = new Map<string, Part>()

  constructor(before?: PlanParts) {
    this.#before = before && before.#now
  }

  /** Returns the existing part of this name if its options are unchanged. Otherwise makes a new one. */
  reuseOrMake<T>(name: string, options: unknown, make: () => T): T {
    const before = this.#before?.get(name)
    const part =
      before && isDeepStrictEqual(before.options, options)
        ? before
        : { options: plainCopy(options), value: make() }
    this.#now.set(name, part)
    return part.value as T
  }
}

interface Part {
  readonly options: unknown
  readonly value: unknown
}
