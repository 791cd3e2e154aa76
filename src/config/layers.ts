import { isDeepStrictEqual } from 'node:util'
import type { Configured } from '../client/configurable.ts'
import { plainCopy } from '../client/update.ts'
import { isPlainObject } from '../registry/plain-data.ts'
import type { Document } from './document.ts'

/** A member of a document: an option, or one name of the option that is merged by name. */
interface Member {
  readonly path: readonly [option: string, name?: string]
  readonly value: unknown
}

type Members = ReadonlyMap<string, Member>

/** The document of one watch. */
export interface Layer {
  /** Of its source. */
  readonly name: string
}

/** The latest is the last. */
type Documents = ReadonlyMap<Layer, Members>

const NOTHING: Members = new Map()

const all = new WeakMap<Configured, Layers>()

/**
 * The documents that lie over what the code has set: of each member the latest watch that sets it decides. A change of one document
 * leaves alone what other documents decide, and what the code has set since with `update()`.
 */
export class Layers {
  readonly #target: Configured
  #documents: Documents = new Map()
  /** What the code has set, of all that documents set. */
  #code: Members = NOTHING
  /** What was in force right after the last change by a document, of the same. */
  #applied: Members = NOTHING

  /** Those of a client or an application. */
  static of(target: Configured): Layers {
    let layers = all.get(target)
    if (!layers) all.set(target, (layers = new Layers(target)))
    return layers
  }

  private constructor(target: Configured) {
    this.#target = target
    target.owners.add(() => this.#owners())
  }

  /** A layer over those that are there. */
  add(name: string): Layer {
    const layer = { name }
    this.#documents = new Map(this.#documents).set(layer, NOTHING)
    return layer
  }

  /** Puts a document in the place of a layer's last one. Throws for a document that is refused: then nothing has changed. */
  put(layer: Layer, document: Document): void {
    const before = this.#documents
    const next = this.#membersOf(document)
    const now = this.#membersOf(this.#target.options())
    const after = new Map(before).set(layer, next)
    const changes = new Map<string, Member>()
    const hidden = new Map<string, Member>()
    for (const [key, member] of next) (winner(after, key) === layer ? changes : hidden).set(key, member)
    for (const [key, { path }] of before.get(layer) ?? NOTHING) {
      if (next.has(key) || winner(before, key) !== layer || !this.#isOurs(key, now)) continue
      changes.set(key, decided(after, key) ?? this.#code.get(key) ?? { path, value: undefined })
    }
    // It shows when the watch above ends: that must not be the first time that somebody looks at it.
    if (hidden.size > 0) this.#target.check(this.#updateOf([...changes.values(), ...hidden.values()]))
    this.#change(after, now, changes, layer.name)
  }

  /**
   * Takes a layer away: what it has set is again as the layers below have it; what none of them sets stays. Throws if that cannot be
   * together with the rest: then all of it stays.
   */
  remove(layer: Layer): void {
    const before = this.#documents
    const now = this.#membersOf(this.#target.options())
    const after = new Map(before)
    after.delete(layer)
    const changes = new Map<string, Member>()
    const owners = new Set<string>()
    for (const key of before.get(layer)?.keys() ?? []) {
      const below = decided(after, key)
      if (!below || winner(before, key) !== layer || !this.#isOurs(key, now)) continue
      changes.set(key, below)
      owners.add(winner(after, key)?.name ?? '')
    }
    try {
      this.#change(after, now, changes, [...owners].join(' and '))
    } catch (error) {
      this.#change(after, now, NOTHING, '')
      throw error
    }
  }

  #change(after: Documents, now: Members, changes: Members, by: string): void {
    const update = this.#updateOf([...changes.values()])
    const next = changes.size > 0 ? this.#membersOf(this.#target.check(update)) : now
    const code = new Map<string, Member>()
    const applied = new Map<string, Member>()
    for (const members of after.values()) {
      for (const [key, { path }] of members) {
        const nothing = { path, value: undefined }
        // The code may have set it anew meanwhile, with `update()`: then that is what lies below.
        code.set(key, (this.#isOurs(key, now) ? this.#code : now).get(key) ?? nothing)
        applied.set(key, (changes.has(key) ? next : this.#applied).get(key) ?? nothing)
      }
    }
    // Listeners hear of it as soon as it is applied, and may begin or end a watch.
    this.#documents = after
    this.#code = code
    this.#applied = applied
    if (changes.size > 0) this.#target.update(update, { by })
  }

  /** Whether what is in force is what a document has set. */
  #isOurs(key: string, now: Members): boolean {
    const applied = this.#applied.get(key)
    return applied !== undefined && isDeepStrictEqual(now.get(key)?.value, applied.value)
  }

  /** Whose document has set what is in force, by option. */
  #owners(): Record<string, string> {
    const now = this.#membersOf(this.#target.options())
    const ours = [...this.#applied].filter(([key]) => this.#isOurs(key, now))
    return Object.fromEntries(
      ours.map(([key, { path }]) => {
        const [option, name] = path
        const label = name === undefined ? option : `${option}['${name}']`
        return [label, winner(this.#documents, key)?.name ?? '']
      }),
    )
  }

  #membersOf(document: Document): Members {
    const members = Object.entries(document).flatMap(([option, value]): Member[] =>
      option === this.#target.group && isPlainObject(value)
        ? Object.entries(value).map(([name, each]) => ({ path: [option, name], value: plainCopy(each) }))
        : [{ path: [option], value: plainCopy(value) }],
    )
    return new Map(members.map((member) => [JSON.stringify(member.path), member]))
  }

  #updateOf(members: readonly Member[]): Document {
    const named = members.flatMap(({ path: [, name], value }) => (name === undefined ? [] : [[name, value]]))
    const others = members.flatMap(({ path: [option, name], value }) =>
      name === undefined ? [[option, value]] : [],
    )
    const group = named.length > 0 ? [[this.#target.group, Object.fromEntries(named) as unknown]] : []
    return Object.fromEntries([...group, ...others]) as Document
  }
}

/** The layer that decides. */
function winner(documents: Documents, key: string): Layer | undefined {
  return [...documents].findLast(([, members]) => members.has(key))?.[0]
}

/** What it says. */
function decided(documents: Documents, key: string): Member | undefined {
  return [...documents.values()].findLast((members) => members.has(key))?.get(key)
}
