import type { Endpoint } from './balancer.ts'
import { hash, mix } from './hash.ts'

/** The number of ring points for an endpoint of average weight. Eight are enough to represent different weights. */
const POINTS = 8

/** The number of ring positions that are tried for each key. More positions make the shares more even. */
const PROBES = 8

const STEP = 0x9e3779b9

/**
 * Multi-probe consistent hashing (Appleton and O'Reilly, 2015). A key is hashed to several positions on the ring. It
 * belongs to the point that follows one of these positions at the smallest distance. When an endpoint leaves, only its
 * own keys move. When one joins, it takes only the keys that it now owns. A ring of 10,000 endpoints stays small.
 */
export class HashRing {
  readonly #positions: Uint32Array
  readonly #owners: Uint32Array
  /** The index of the first point in each equal slice of the ring. With it, a look-up takes one step on average. */
  readonly #slices: Uint32Array
  readonly #shift: number

  constructor(endpoints: readonly Endpoint[]) {
    const counts = pointCounts(endpoints)
    const size = counts.reduce((sum, count) => sum + count, 0)
    const bits = Math.max(1, Math.ceil(Math.log2(size)))
    this.#shift = 32 - bits
    this.#positions = new Uint32Array(size)
    this.#owners = new Uint32Array(size)
    this.#slices = new Uint32Array(2 ** bits + 1)
    const seeds = Uint32Array.from(endpoints, ({ instance }) => hash(instance.id))
    // This is a counting sort. Hashed points fill the slices evenly, so each slice needs almost no sorting.
    eachPoint(seeds, counts, (position) => {
      const slice = (position >>> this.#shift) + 1
      this.#slices[slice] = (this.#slices[slice] as number) + 1
    })
    for (let slice = 1; slice < this.#slices.length; slice++) {
      this.#slices[slice] = (this.#slices[slice] as number) + (this.#slices[slice - 1] as number)
    }
    const filled = new Uint32Array(2 ** bits)
    eachPoint(seeds, counts, (position, owner) => {
      const slice = position >>> this.#shift
      const count = filled[slice] as number
      filled[slice] = count + 1
      this.#insert((this.#slices[slice] as number) + count, this.#slices[slice] as number, position, owner)
    })
  }

  #insert(end: number, start: number, position: number, owner: number): void {
    let at = end
    for (; at > start && (this.#positions[at - 1] as number) > position; at--) {
      this.#positions[at] = this.#positions[at - 1] as number
      this.#owners[at] = this.#owners[at - 1] as number
    }
    this.#positions[at] = position
    this.#owners[at] = owner
  }

  get size(): number {
    return this.#owners.length
  }

  /** Returns the index of the endpoint that owns a point. */
  owner(point: number): number {
    return this.#owners[point % this.size] as number
  }

  /** Returns the point to which a key belongs. */
  point(key: string): number {
    let place = hash(key)
    let nearest = 0
    let distance = Infinity
    for (let probe = 0; probe < PROBES; probe++) {
      const point = this.#following(place)
      const away = ((this.#positions[point] as number) - place) >>> 0
      if (away < distance) {
        distance = away
        nearest = point
      }
      place = mix(place + STEP)
    }
    return nearest
  }

  #following(place: number): number {
    const positions = this.#positions
    let point = this.#slices[place >>> this.#shift] as number
    while (point < positions.length && (positions[point] as number) < place) point++
    return point === positions.length ? 0 : point
  }
}

function pointCounts(endpoints: readonly Endpoint[]): number[] {
  const mean = endpoints.reduce((sum, { weight }) => sum + weight, 0) / endpoints.length
  if (mean === 0) return endpoints.map(() => POINTS)
  // The unit is a power of two. So one endpoint more or less does not change the number of points of all others.
  const unit = 2 ** Math.floor(Math.log2(mean))
  return endpoints.map(({ weight }) => (weight === 0 ? 0 : Math.max(1, Math.round((POINTS * weight) / unit))))
}

function eachPoint(
  seeds: Uint32Array,
  counts: readonly number[],
  visit: (position: number, owner: number) => void,
): void {
  for (let owner = 0; owner < seeds.length; owner++) {
    for (let point = 0; point < (counts[owner] as number); point++) {
      visit(mix((seeds[owner] as number) + point * STEP), owner)
    }
  }
}
