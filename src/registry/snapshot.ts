import { withoutStack } from '../errors.ts'
import { disown } from '../hooks/disown.ts'
import { quote } from '../options.ts'
import type { Allow } from './allow.ts'
import { describes, sameInstance, toInstance, withoutSecrets } from './instance.ts'
import { isRegisteredAnew } from './registration.ts'
import type { Instance } from './source.ts'

/** An entry that was dropped from a snapshot. */
export interface Rejected {
  readonly entry: unknown
  readonly reason: string
}

export interface Snapshot {
  readonly instances: readonly Instance[]
  readonly rejected: readonly Rejected[]
  /** False when the instances are the same as in the last snapshot that had any. Their order does not matter. */
  readonly changed: boolean
}

interface Slot {
  instance: Instance
  /** The number of the last snapshot that contained the instance. */
  round: number
}

/**
 * Turns what a source yields into valid instances. Drops bad entries. If several entries have the same id, the
 * first one is kept. An entry that has not changed keeps its object and costs one look-up, because a registry
 * with 10,000 instances sends all of them again when one changes.
 */
export class SnapshotReader {
  readonly #slots = new Map<string, Slot>()
  readonly #allow: Allow | undefined
  #round = 0
  #changed = false

  /** `allow` throws to refuse an entry. */
  constructor(allow?: Allow) {
    this.#allow = allow
  }

  /** Throws unless `value` is an array. */
  read(value: unknown): Snapshot {
    if (!Array.isArray(value)) throw new TypeError(`a snapshot must be an array, got ${quote(value)}`)
    this.#round++
    const instances: Instance[] = []
    const rejected: Rejected[] = []
    this.#changed = false
    // Thousands of entries may be bad, and only the message of each error is used.
    withoutStack(() => {
      for (const entry of value as readonly unknown[]) {
        try {
          instances.push(this.#readEntry(entry))
        } catch (error) {
          rejected.push(reject(entry, error))
        }
      }
    })
    if (instances.length > 0 && instances.length < this.#slots.size) {
      this.#changed = true
      this.#forgetMissing()
    }
    return { instances: Object.freeze(instances), rejected, changed: this.#changed }
  }

  #readEntry(entry: unknown): Instance {
    const id = (entry as Instance | null | undefined)?.id
    const known = id == null ? undefined : this.#slots.get(id)
    const instance = known && describes(entry as object, known.instance) ? known.instance : toInstance(entry)
    // An instance that has not changed has passed this check before.
    if (instance !== known?.instance) this.#allow?.(instance.url)
    const slot = known ?? this.#slots.get(instance.id)
    if (!slot) {
      this.#slots.set(instance.id, { instance, round: this.#round })
      this.#changed = true
      return instance
    }
    if (slot.round === this.#round) throw new TypeError(`duplicate id ${quote(instance.id)}`)
    slot.round = this.#round
    const isKnown = sameInstance(slot.instance, instance) && !isRegisteredAnew(instance, slot.instance)
    if (isKnown) return slot.instance
    slot.instance = instance
    this.#changed = true
    return instance
  }

  #forgetMissing(): void {
    for (const [id, slot] of this.#slots) if (slot.round !== this.#round) this.#slots.delete(id)
  }
}

/**
 * Reads one snapshot without a previous one. Returns valid instances, and the reasons why the others were
 * rejected.
 */
export function validateSnapshot(value: unknown): Snapshot {
  return new SnapshotReader().read(value)
}

function reject(entry: unknown, error: unknown): Rejected {
  // The entry may be a promise, if a function of the user's is async by mistake.
  disown(entry)
  const reason = error instanceof Error ? error.message : String(error)
  try {
    return { entry: withoutSecrets(entry), reason }
  } catch {
    // The entry has getters that throw, so it cannot be shown.
    return { entry: undefined, reason }
  }
}
