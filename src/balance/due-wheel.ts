import type { Endpoint, PickRequest } from './balancer.ts'
import { weightOf } from './weight.ts'

/** An endpoint and its next due time, on the balancer's own time scale. */
export interface Slot {
  readonly endpoint: Endpoint
  due: number
}

const NONE = -1

/**
 * The slots of one set, ordered by due time: a calendar queue (Brown, CACM 1988). One day is the time by which one pick
 * advances the balancer. So about one slot is due per day, and a pick examines few slots, however many there are.
 *
 * Several sets share the slots, and a due time only ever increases. If another set has moved a slot to a later day,
 * this set moves it when its old day comes.
 */
export class DueWheel {
  readonly #slots: readonly Slot[]
  readonly #daysPerTime: number
  /**
   * One linked list of slots for each day of the year; the same day of every year shares a list. `#first` holds the
   * first slot of each list, `#after` the slot that follows each slot.
   */
  readonly #first: Int32Array
  readonly #after: Int32Array
  #today = 0

  constructor(slots: readonly Slot[]) {
    this.#slots = slots
    this.#daysPerTime = slots.reduce((sum, { endpoint }) => sum + weightOf(endpoint), 0)
    this.#first = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(slots.length, 1))))
    this.#after = new Int32Array(slots.length)
    this.#enterAll()
  }

  /**
   * Returns the slot that is due first, without the endpoints that the call has tried. If it has tried all, the first
   * of all.
   */
  next(request: PickRequest): Slot | undefined {
    let slot = this.#find()
    if (!slot) {
      // No slot is due within a year. Either picks from other sets have moved all slots, or the weights differ too
      // much.
      this.#enterAll()
      slot = this.#soonestOfAll()
    }
    if (!slot || !request.excluded(slot.endpoint)) return slot
    // Next to an endpoint with a large weight, those with small weights are due years later.
    return this.#find(request) ?? this.#soonestOfAll(request) ?? slot
  }

  #find(request?: PickRequest): Slot | undefined {
    for (let ahead = 0; ahead <= this.#first.length; ahead++) {
      const day = this.#today + ahead
      const slot = this.#soonestOn(day, request)
      if (!slot) continue
      if (!request) this.#today = day
      return slot
    }
    return undefined
  }

  #soonestOn(day: number, request: PickRequest | undefined): Slot | undefined {
    const place = this.#place(day)
    let which = this.#first[place] as number
    this.#first[place] = NONE
    let soonest: Slot | undefined
    while (which !== NONE) {
      const after = this.#after[which] as number
      const slot = this.#slots[which] as Slot
      const isDue = this.#enter(slot, which) === day && !request?.excluded(slot.endpoint)
      if (isDue && (!soonest || slot.due < soonest.due)) soonest = slot
      which = after
    }
    return soonest
  }

  #soonestOfAll(request?: PickRequest): Slot | undefined {
    let soonest: Slot | undefined
    for (const slot of this.#slots) {
      if (request?.excluded(slot.endpoint)) continue
      if (!soonest || slot.due < soonest.due) soonest = slot
    }
    return soonest
  }

  #enterAll(): void {
    this.#first.fill(NONE)
    for (const [which, slot] of this.#slots.entries()) this.#enter(slot, which)
    this.#today = this.#dayOf(this.#soonestOfAll()?.due ?? 0)
  }

  /** Returns the slot's day. */
  #enter({ due }: Slot, which: number): number {
    const day = this.#dayOf(due)
    const place = this.#place(day)
    this.#after[which] = this.#first[place] as number
    this.#first[place] = which
    return day
  }

  #dayOf(due: number): number {
    return Math.floor(due * this.#daysPerTime)
  }

  #place(day: number): number {
    return day & (this.#first.length - 1)
  }
}
