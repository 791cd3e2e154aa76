/**
 * What operators have set for one instance. Times are in milliseconds of the clock; Infinity means until it is undone.
 */
export interface Mark {
  readonly isolated?: Until & { readonly force: boolean }
  readonly draining?: Until
  readonly weight?: Until & { readonly value: number }
  readonly open?: Until
}

export interface Until {
  readonly until: number
  readonly reason: string | undefined
}

export type MarkKind = keyof Mark

/** A mark that has ended. */
interface EndedMark {
  readonly id: string
  readonly kind: MarkKind
  readonly reason: string | undefined
}

const KINDS: readonly MarkKind[] = ['isolated', 'draining', 'weight', 'open']

/** All marks, by instance id. A mark also stays while the registry does not list the instance. */
export class Marks {
  readonly #byId = new Map<string, Mark>()
  /** The time when the next mark ends. */
  dueAt: number = Infinity

  of(id: string): Mark | undefined {
    return this.#byId.get(id)
  }

  set(id: string, mark: Mark): void {
    this.#byId.set(id, { ...this.#byId.get(id), ...mark })
    this.#updateDueAt()
  }

  /** Removes all marks of one instance, or of all. Returns the ids of these instances. */
  clear(id?: string): string[] {
    const ids = id === undefined ? [...this.#byId.keys()] : this.#byId.has(id) ? [id] : []
    for (const each of ids) this.#byId.delete(each)
    this.#updateDueAt()
    return ids
  }

  /** Removes the marks that have ended, and returns them. */
  expire(now: number): EndedMark[] {
    if (now < this.dueAt) return []
    const ended: EndedMark[] = []
    for (const [id, mark] of this.#byId) {
      const active = Object.fromEntries(
        KINDS.flatMap((kind) => (isActive(mark[kind], now) ? [[kind, mark[kind]]] : [])),
      )
      for (const kind of KINDS) {
        const past = kind in active ? undefined : mark[kind]
        if (past) ended.push({ id, kind, reason: past.reason })
      }
      if (Object.keys(active).length > 0) this.#byId.set(id, active)
      else this.#byId.delete(id)
    }
    this.#updateDueAt()
    return ended
  }

  #updateDueAt(): void {
    this.dueAt = Infinity
    for (const mark of this.#byId.values()) {
      for (const kind of KINDS) this.dueAt = Math.min(this.dueAt, mark[kind]?.until ?? Infinity)
    }
  }
}

function isActive(mark: Until | undefined, now: number): boolean {
  return mark !== undefined && mark.until > now
}
