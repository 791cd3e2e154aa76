import { isDeepStrictEqual } from 'node:util'
import { plainCopy } from '../client/update.ts'
import { isPlainObject } from '../registry/plain-data.ts'
import type { Document } from './document.ts'

/** A member of a document: an option, or one name of the option that is merged by name. */
interface Member {
  readonly path: readonly [option: string, name?: string]
  readonly value: unknown
}

/** What a document lies over: what it sets replaces what the code has set, and what it sets no more is as the code has it. */
export class Overlay {
  /** What the code has set, of what the document in force sets. */
  #covered: ReadonlyMap<string, Member> = new Map()
  /** The options right after the document was applied. */
  #applied: ReadonlyMap<string, Member> = new Map()
  readonly #group: string

  constructor(group: string) {
    this.#group = group
  }

  /** The update that brings a document into force, and what to do once it has been applied. */
  prepare(document: Document, current: Document): { update: Document; applied: (after: Document) => void } {
    const next = this.#membersOf(document)
    const now = this.#membersOf(current)
    const covered = new Map<string, Member>()
    // The code may have set it anew meanwhile, with `update()`: then that is what lies below.
    const isOurs = (key: string): boolean =>
      this.#covered.has(key) && isDeepStrictEqual(now.get(key)?.value, this.#applied.get(key)?.value)
    for (const [key, { path }] of next) {
      const below = isOurs(key) ? this.#covered.get(key) : now.get(key)
      covered.set(key, below ?? { path, value: undefined })
    }
    const isBack = ([key]: [string, Member]): boolean => !next.has(key) && isOurs(key)
    const back = [...this.#covered].filter(isBack).map(([, member]) => member)
    const update = this.#updateOf([...back, ...next.values()])
    const applied = (after: Document): void => {
      this.#covered = covered
      this.#applied = this.#membersOf(after)
    }
    return { update, applied }
  }

  #membersOf(document: Document): Map<string, Member> {
    const members = Object.entries(document).flatMap(([option, value]): Member[] =>
      option === this.#group && isPlainObject(value)
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
    const group = named.length > 0 ? [[this.#group, Object.fromEntries(named) as unknown]] : []
    return Object.fromEntries([...group, ...others]) as Document
  }
}
