import type { Endpoint, PickRequest } from './balancer.ts'
import { perFleet } from './per-set.ts'

/** Draws an index with probability proportional to its endpoint's weight. */
export class Sampler {
  readonly #size: number
  /**
   * The alias table. A draw in column `i` below `#thresholds[i]` gives `i`, and above it `#others[i]`. Undefined if all
   * weights are equal.
   */
  readonly #thresholds: Float64Array | undefined
  readonly #others: Int32Array | undefined

  constructor(weights: readonly number[]) {
    const size = weights.length
    this.#size = size
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    if (total <= 0 || weights.every((weight) => weight === weights[0])) return
    const { thresholds, others } = aliasTable(weights.map((weight) => (weight * size) / total))
    this.#thresholds = thresholds
    this.#others = others
  }

  /** `random` is in [0, 1). */
  draw(random: number): number {
    const place = random * this.#size
    const column = Math.floor(place)
    if (!this.#thresholds || !this.#others) return column
    const isOwn = place - column < (this.#thresholds[column] as number)
    return isOwn ? column : (this.#others[column] as number)
  }
}

export type SamplerOf = (endpoints: readonly Endpoint[], request: PickRequest) => Sampler

/** Returns a function that makes one sampler per set, and a new one when a snapshot may have changed the weights. */
export function samplerOf(): SamplerOf {
  return perFleet((endpoints) => new Sampler(endpoints.map(({ weight }) => weight)))
}

/** Vose's alias method. The mean of `shares` must be 1. */
function aliasTable(shares: readonly number[]): { thresholds: Float64Array; others: Int32Array } {
  const thresholds = Float64Array.from(shares)
  const others = Int32Array.from(shares.keys())
  const below: number[] = []
  const above: number[] = []
  for (const [index, share] of shares.entries()) (share < 1 ? below : above).push(index)
  while (below.length > 0 && above.length > 0) {
    const small = below.pop() as number
    const large = above.at(-1) as number
    others[small] = large
    const rest = (thresholds[large] as number) + (thresholds[small] as number) - 1
    thresholds[large] = rest
    if (rest < 1) below.push(above.pop() as number)
  }
  // Without rounding errors, the remaining thresholds would be 1.
  for (const index of [...below, ...above]) thresholds[index] = 1
  return { thresholds, others }
}
