import type { Endpoint, PickRequest } from './balancer.ts'
import { weightOf } from './weight.ts'

/** An endpoint and when, on the balancer's own time scale, it is due. */
export interface Slot {
  readonly endpoint: Endpoint
  due: number
}

const NONE = -1

/**
 * The slots of one set, soonest due first: a calendar queue (Brown, CACM 1988). A day is as long as one pick takes of
 * the balancer's time, so about one slot falls on each, and a pick looks at few of them however many there are.
 *
 * Slots are shared between sets and only ever become due later: one that did is moved when its old day comes.
 */
export class DueWheel {
  readonly #slots: readonly Slot[]
  readonly #daysPerTime: number
  /** For each day of the year, which it shares with all years, a list: its first slot, and the one after each slot. */
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

  /** The slot due first, or the first whose endpoint the call has not tried. */
  next(request: PickRequest): Slot | undefined {
    let slot = this.#find()
    if (!slot) {
      // More than a year has gone by in picks from other sets, or weights differ by more than days can be counted.
      this.#enterAll()
      slot = this.#soonestOfAll()
    }
    if (!slot || !request.excluded(slot.endpoint)) return slot
    // Beside a heavy one, light ones are due years ahead.
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

  /** Returns its day. */
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
