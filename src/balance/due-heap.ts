import type { Endpoint, PickRequest } from './balancer.ts'

/** An endpoint and when, on the balancer's own time scale, it is due. */
export interface Slot {
  readonly endpoint: Endpoint
  due: number
}

/** Children of a node: as many keys as one line of the cache holds, so that ten thousand slots are five levels. */
const ARITY = 8

/**
 * A heap of the slots of one set, the soonest due on top. Slots are shared between sets and only ever
 * become due later, so a heap finds out about changes made through another one when the slot reaches its top.
 */
export class DueHeap {
  readonly #slots: readonly Slot[]
  /** The heap itself: when each slot was due as it was put there, and which one it is. */
  readonly #keys: Float64Array
  readonly #order: Int32Array

  constructor(slots: readonly Slot[]) {
    this.#slots = slots
    this.#keys = Float64Array.from(slots, ({ due }) => due)
    this.#order = Int32Array.from(slots.keys())
    for (let index = Math.floor(slots.length / ARITY); index >= 0; index--) this.#sink(index)
  }

  /** The slot due first, or the first whose endpoint the call has not tried. */
  next(request: PickRequest): Slot | undefined {
    this.refresh()
    return this.#untried(0, request) ?? this.#at(0)
  }

  /** Puts the top where it belongs, until it does belong there. */
  refresh(): void {
    for (let top = this.#at(0); top && top.due !== this.#keys[0]; top = this.#at(0)) this.#sink(0)
  }

  #at(index: number): Slot | undefined {
    return index < this.#order.length ? this.#slots[this.#order[index] as number] : undefined
  }

  /** Looks below a tried slot only, so it sees few slots however many there are. */
  #untried(index: number, request: PickRequest): Slot | undefined {
    const slot = this.#at(index)
    if (!slot || !request.excluded(slot.endpoint)) return slot
    let first: Slot | undefined
    for (let child = ARITY * index + 1; child <= ARITY * (index + 1); child++) {
      const other = this.#untried(child, request)
      if (other && (!first || other.due < first.due)) first = other
    }
    return first
  }

  #sink(from: number): void {
    const keys = this.#keys
    const order = this.#order
    const slot = this.#at(from)
    if (!slot) return
    const which = order[from] as number
    let index = from
    for (;;) {
      const soonest = this.#soonestChild(index)
      if (soonest < 0 || (keys[soonest] as number) >= slot.due) break
      keys[index] = keys[soonest] as number
      order[index] = order[soonest] as number
      index = soonest
    }
    keys[index] = slot.due
    order[index] = which
  }

  #soonestChild(index: number): number {
    const keys = this.#keys
    const first = ARITY * index + 1
    if (first >= keys.length) return -1
    const end = Math.min(first + ARITY, keys.length)
    let soonest = first
    for (let child = first + 1; child < end; child++) {
      if ((keys[child] as number) < (keys[soonest] as number)) soonest = child
    }
    return soonest
  }
}
