import { toneOf } from './elements.js'

/** Milliseconds that the charts show. */
export const SHOWN = 300_000
/** Instances that one history tells apart before it begins anew. */
const MOST = 5_000

export const TONES = ['', 'good', 'doubt', 'out']

/** What the charts need of the last minutes of one service: 3 bytes for an instance and second, not a whole frame. */
export class History {
  entries = []
  ids = []
  #places = new Map()

  add(at, { calls, failed, refused, p50, p99, latencies, instances }) {
    if (at - (this.entries.at(-1)?.at ?? at) < 0 || this.ids.length > MOST) this.#clear()
    for (const { id } of instances) {
      if (this.#places.has(id)) continue
      this.#places.set(id, this.ids.length)
      this.ids.push(id)
    }
    const tries = new Uint16Array(this.ids.length)
    const tones = new Uint8Array(this.ids.length)
    for (const { id, calls: own, state } of instances) {
      const place = this.#places.get(id)
      tries[place] = Math.min(own, 65_535)
      tones[place] = TONES.indexOf(toneOf(state))
    }
    this.entries.push({ at, calls, failed, refused, p50, p99, latencies, tries, tones })
    while (this.entries[0].at < at - SHOWN) this.entries.shift()
  }

  /** The entry of a moment, or nothing when nobody looked then. */
  at(moment) {
    return this.entries.find(({ at }) => Math.abs(at - moment) <= 1_000)
  }

  #clear() {
    this.entries = []
    this.ids = []
    this.#places.clear()
  }
}
