import type { Endpoint, PickRequest } from './balancer.ts'

/** An endpoint and when, on the balancer's own time scale, it is due. */
export interface Slot {
  readonly endpoint: Endpoint
  due: number
}

/**
 * A binary heap of the slots of one set, the soonest due on top. Slots are shared between sets and only ever
 * become due later, so a heap finds out about changes made through another one when the slot reaches its top.
 */
export class DueHeap {
  readonly #slots: Slot[]
  readonly #keys: Float64Array

  constructor(slots: readonly Slot[]) {
    this.#slots = [...slots]
    this.#keys = Float64Array.from(slots, ({ due }) => due)
    for (let index = slots.length >> 1; index >= 0; index--) this.#sink(index)
  }

  /** The slot due first, or the first whose endpoint the call has not tried. */
  next(request: PickRequest): Slot | undefined {
    this.refresh()
    return this.#untried(0, request) ?? this.#slots[0]
  }

  /** Puts the top where it belongs, until it does belong there. */
  refresh(): void {
    for (let top = this.#slots[0]; top && top.due !== this.#keys[0]; top = this.#slots[0]) this.#sink(0)
  }

  /** Looks below a tried slot only, so it sees few slots however many there are. */
  #untried(index: number, request: PickRequest): Slot | undefined {
    const slot = this.#slots[index]
    if (!slot || !request.excluded(slot.endpoint)) return slot
    const left = this.#untried(2 * index + 1, request)
    const right = this.#untried(2 * index + 2, request)
    return left && right && right.due < left.due ? right : (left ?? right)
  }

  #sink(from: number): void {
    const slots = this.#slots
    const keys = this.#keys
    const slot = slots[from]
    if (!slot) return
    let index = from
    for (;;) {
      let child = 2 * index + 1
      if (child >= slots.length) break
      if (child + 1 < slots.length && (keys[child + 1] as number) < (keys[child] as number)) child++
      if ((keys[child] as number) >= slot.due) break
      slots[index] = slots[child] as Slot
      keys[index] = keys[child] as number
      index = child
    }
    slots[index] = slot
    keys[index] = slot.due
  }
}
