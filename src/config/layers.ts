import { isDeepStrictEqual } from 'node:util'
import type { Configured } from '../client/configurable.ts'
import { plainCopy } from '../client/update.ts'
import { isPlainObject } from '../registry/plain-data.ts'
import type { Document } from './document.ts'

/** One value of a document: an option, or one named entry of the option that is merged by name. */
interface Member {
  readonly path: readonly [option: string, name?: string]
  readonly value: unknown
}

type Members = ReadonlyMap<string, Member>

/** The document of one watch. */
export interface Layer {
  /** The name of its source. */
  readonly name: string
}

/** Ordered from the oldest to the newest layer. */
type Documents = ReadonlyMap<Layer, Members>

const NOTHING: Members = new Map()

const all = new WeakMap<Configured, Layers>()

/**
 * Combines documents with the options that code has set. If several watches set an option, the newest watch
 * decides. A change of one document does not affect options that other documents set, or that code has set
 * since with `update()`.
 */
export class Layers {
  readonly #target: Configured
  #documents: Documents = new Map()
  /** The values that code has set, for all options that documents set. */
  #code: Members = NOTHING
  /** The values in force directly after the last change by a document, for the same options. */
  #applied: Members = NOTHING

  /** Returns the layers of a client or an application. */
  static of(target: Configured): Layers {
    let layers = all.get(target)
    if (!layers) all.set(target, (layers = new Layers(target)))
    return layers
  }

  private constructor(target: Configured) {
    this.#target = target
    target.owners.add(() => this.#owners())
  }

  /** Adds a layer above the existing ones. */
  add(name: string): Layer {
    const layer = { name }
    this.#documents = new Map(this.#documents).set(layer, NOTHING)
    return layer
  }

  /** Replaces the document of a layer. Throws if the document is refused, and then changes nothing. */
  put(layer: Layer, document: Document): void {
    const before = this.#documents
    const next = this.#membersOf(document)
    const now = this.#membersOf(this.#target.options())
    const after = new Map(before).set(layer, next)
    const changes = new Map<string, Member>()
    const hidden = new Map<string, Member>()
    for (const [key, member] of next)
      (decidingLayer(after, key) === layer ? changes : hidden).set(key, member)
    for (const [key, { path }] of before.get(layer) ?? NOTHING) {
      if (next.has(key) || decidingLayer(before, key) !== layer || !this.#isFromDocument(key, now)) continue
      changes.set(key, decidingMember(after, key) ?? this.#code.get(key) ?? { path, value: undefined })
    }
    // Check hidden values too. They come into force when the newer watch ends, and an error must not appear
    // only then.
    if (hidden.size > 0) this.#target.check(this.#updateOf([...changes.values(), ...hidden.values()]))
    this.#change(after, now, changes, layer.name)
  }

  /**
   * Removes a layer. Options that it has set get the values of the layers below. Options that no other layer
   * sets keep their values. Throws if these values are invalid together with the rest, and then no value
   * changes.
   */
  remove(layer: Layer): void {
    const before = this.#documents
    const now = this.#membersOf(this.#target.options())
    const after = new Map(before)
    after.delete(layer)
    const changes = new Map<string, Member>()
    const owners = new Set<string>()
    for (const key of before.get(layer)?.keys() ?? []) {
      const below = decidingMember(after, key)
      if (!below || decidingLayer(before, key) !== layer || !this.#isFromDocument(key, now)) continue
      changes.set(key, below)
      owners.add(decidingLayer(after, key)?.name ?? '')
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
        // Code may have called `update()` since. Then its value is the one below the documents.
        code.set(key, (this.#isFromDocument(key, now) ? this.#code : now).get(key) ?? nothing)
        applied.set(key, (changes.has(key) ? next : this.#applied).get(key) ?? nothing)
      }
    }
    // Set the state first: update() calls listeners, which may start or end a watch.
    this.#documents = after
    this.#code = code
    this.#applied = applied
    if (changes.size > 0) this.#target.update(update, { by })
  }

  /** Whether the value in force is the one that a document has set. */
  #isFromDocument(key: string, now: Members): boolean {
    const applied = this.#applied.get(key)
    return applied !== undefined && isDeepStrictEqual(now.get(key)?.value, applied.value)
  }

  /** Returns, for each option, the name of the document that has set the value in force. */
  #owners(): Record<string, string> {
    const now = this.#membersOf(this.#target.options())
    const ours = [...this.#applied].filter(([key]) => this.#isFromDocument(key, now))
    return Object.fromEntries(
      ours.map(([key, { path }]) => {
        const [option, name] = path
        const label = name === undefined ? option : `${option}['${name}']`
        return [label, decidingLayer(this.#documents, key)?.name ?? '']
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

/** Returns the layer that decides the value of a key. */
function decidingLayer(documents: Documents, key: string): Layer | undefined {
  return [...documents].findLast(([, members]) => members.has(key))?.[0]
}

/** Returns the value that this layer sets. */
function decidingMember(documents: Documents, key: string): Member | undefined {
  return [...documents.values()].findLast((members) => members.has(key))?.get(key)
}
