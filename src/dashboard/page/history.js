import { toneOf } from './elements.js'

/** How long the charts go back, in ms. */
export const SHOWN = 300_000
/** In ms. A frame is about the second before it, and the process may have been late. */
const LATE = 1_500
/** The maximum number of entries, even if the clock of the process is wrong. */
const MAX_ENTRIES = 600
/** How many instances the charts show separately. */
const MAX_INSTANCES = 10_000
/** Removed instances are deleted when there are more of them than existing ones, plus this number. */
const MIN_REMOVED = 64

export const TONES = ['', 'good', 'doubt', 'out']

/**
 * The data of the last minutes of one service for the charts: 3 bytes for an instance and second, instead of
 * complete frames.
 */
export class History {
  entries = []
  ids = []
  /**
   * For each instance, by its index in `ids`: attempts, seconds, and a sum of how bad its state was in each
   * second.
   */
  tried = []
  seen = []
  trouble = []
  /** When each route was last called, in Unix ms. */
  routes = new Map()
  #places = new Map()

  add(at, { calls, failed, refused, p50, p99, latencies, instances, routes }) {
    if (at < (this.entries.at(-1)?.at ?? at)) this.#clear()
    for (const { key } of routes) this.routes.set(key, at)
    for (const [key, calledAt] of this.routes) if (calledAt < at - SHOWN) this.routes.delete(key)
    for (const { id } of instances)
      if (!this.#places.has(id) && this.ids.length < MAX_INSTANCES) this.#addInstance(id)
    const tries = new Uint16Array(this.ids.length)
    const tones = new Uint8Array(this.ids.length)
    let sum = 0
    for (const { id, calls: own, state } of instances) {
      const place = this.#places.get(id)
      if (place === undefined) continue
      tries[place] = Math.min(own, 65_535)
      tones[place] = TONES.indexOf(toneOf(state))
      sum += tries[place]
    }
    const entry = { at, calls, failed, refused, p50, p99, latencies, tries, tones, sum }
    this.entries.push(entry)
    this.#count(entry, 1)
    while (this.entries[0].at < at - SHOWN || this.entries.length > MAX_ENTRIES)
      this.#count(this.entries.shift(), -1)
    if (this.ids.length > 2 * instances.length + MIN_REMOVED) this.#compact()
  }

  /** Returns the entry for a moment, or undefined if no page was open then. */
  at(moment) {
    // Frames have whole milliseconds.
    return this.entries.find(({ at }) => at + 1 >= moment && at - LATE <= moment)
  }

  #addInstance(id) {
    this.#places.set(id, this.ids.length)
    this.ids.push(id)
    for (const sums of [this.tried, this.seen, this.trouble]) sums.push(0)
  }

  #count({ tries, tones }, sign) {
    for (let place = 0; place < tones.length; place++) {
      const tone = tones[place]
      if (tone === 0) continue
      this.tried[place] += sign * tries[place]
      this.seen[place] += sign
      this.trouble[place] += sign * (tone - 1)
    }
  }

  /** Removes instances that are in no entry any more. */
  #compact() {
    const kept = [...this.ids.keys()].filter((place) => this.seen[place] > 0)
    if (kept.length === this.ids.length) return
    this.ids = kept.map((place) => this.ids[place])
    for (const sums of ['tried', 'seen', 'trouble']) this[sums] = kept.map((place) => this[sums][place])
    this.#places = new Map(this.ids.map((id, place) => [id, place]))
    for (const entry of this.entries) {
      const { tries, tones } = entry
      const there = kept.filter((place) => place < tones.length)
      entry.tries = Uint16Array.from(there, (place) => tries[place])
      entry.tones = Uint8Array.from(there, (place) => tones[place])
    }
  }

  #clear() {
    this.entries = []
    this.ids = []
    this.tried = []
    this.seen = []
    this.trouble = []
    this.#places.clear()
    this.routes.clear()
  }
}
