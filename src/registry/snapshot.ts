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
  /** False when the instances are those of the last snapshot that had any, in whatever order. */
  readonly changed: boolean
}

interface Slot {
  instance: Instance
  /** The last reading that had it. */
  round: number
}

/**
 * Turns what a source yields into valid instances, dropping the bad entries; of several with one id the first wins.
 * What a reading has in common with the one before keeps its object and costs one look-up: a registry with ten
 * thousand instances sends them all again when one changes.
 */
export class SnapshotReader {
  readonly #slots = new Map<string, Slot>()
  readonly #allow: Allow | undefined
  #round = 0
  #changed = false

  /** `allow` refuses entries by throwing. */
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
    // Thousands may be bad, each with an error of which only the message is used.
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
      this.#forget()
    }
    return { instances: Object.freeze(instances), rejected, changed: this.#changed }
  }

  #readEntry(entry: unknown): Instance {
    const id = (entry as Instance | null | undefined)?.id
    const known = id == null ? undefined : this.#slots.get(id)
    const instance = known && describes(entry as object, known.instance) ? known.instance : toInstance(entry)
    // What was there before has been looked at before.
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

  #forget(): void {
    for (const [id, slot] of this.#slots) if (slot.round !== this.#round) this.#slots.delete(id)
  }
}

/** One reading without a memory: the good entries as instances, the bad ones with the reason. */
export function validateSnapshot(value: unknown): Snapshot {
  return new SnapshotReader().read(value)
}

function reject(entry: unknown, error: unknown): Rejected {
  // Made by a function of the user's that is async by mistake.
  disown(entry)
  const reason = error instanceof Error ? error.message : String(error)
  try {
    return { entry: withoutSecrets(entry), reason }
  } catch {
    // An entry whose getters throw cannot be shown.
    return { entry: undefined, reason }
  }
}
