/** What an operator has said about one instance. Times are the clock's; Infinity is until it is taken back. */
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

/** What was said, and is over. */
interface Over {
  readonly id: string
  readonly kind: MarkKind
  readonly reason: string | undefined
}

const KINDS: readonly MarkKind[] = ['isolated', 'draining', 'weight', 'open']

/** Everything said by hand, by instance id: it holds whether or not the registry lists the instance at the moment. */
export class Marks {
  readonly #byId = new Map<string, Mark>()
  /** When the next one expires. */
  dueAt: number = Infinity

  of(id: string): Mark | undefined {
    return this.#byId.get(id)
  }

  set(id: string, mark: Mark): void {
    this.#byId.set(id, { ...this.#byId.get(id), ...mark })
    this.#reckon()
  }

  /** Takes back all that was said about one instance, or about all; returns whose marks they were. */
  clear(id?: string): string[] {
    const ids = id === undefined ? [...this.#byId.keys()] : this.#byId.has(id) ? [id] : []
    for (const each of ids) this.#byId.delete(each)
    this.#reckon()
    return ids
  }

  /** Drops what is over, and says what it was. */
  expire(now: number): Over[] {
    if (now < this.dueAt) return []
    const over: Over[] = []
    for (const [id, mark] of this.#byId) {
      const live = Object.fromEntries(
        KINDS.flatMap((kind) => (lives(mark[kind], now) ? [[kind, mark[kind]]] : [])),
      )
      for (const kind of KINDS) {
        const ended = kind in live ? undefined : mark[kind]
        if (ended) over.push({ id, kind, reason: ended.reason })
      }
      if (Object.keys(live).length > 0) this.#byId.set(id, live)
      else this.#byId.delete(id)
    }
    this.#reckon()
    return over
  }

  #reckon(): void {
    this.dueAt = Infinity
    for (const mark of this.#byId.values()) {
      for (const kind of KINDS) this.dueAt = Math.min(this.dueAt, mark[kind]?.until ?? Infinity)
    }
  }
}

function lives(mark: Until | undefined, now: number): boolean {
  return mark !== undefined && mark.until > now
}
