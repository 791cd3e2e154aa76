import type { Endpoint, PickRequest } from './balancer.ts'
import { perFleet } from './per-set.ts'

/** Draws an index with probability proportional to its endpoint's weight. `random` is in [0, 1). */
export interface Sampler {
  draw(random: number): number
}

/** A sampler for each set, made anew when a snapshot may have changed the weights. */
export function samplerOf(): (endpoints: readonly Endpoint[], request: PickRequest) => Sampler {
  return perFleet(derive)
}

function derive(endpoints: readonly Endpoint[]): Sampler {
  const size = endpoints.length
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0)
  const even = endpoints.every(({ weight }) => weight === endpoints[0]?.weight)
  if (even || total <= 0) return { draw: (random) => Math.floor(random * size) }
  return aliasTable(endpoints.map(({ weight }) => (weight * size) / total))
}

/** Vose's alias method: each column holds its own index up to a threshold and one other's above it. */
function aliasTable(shares: readonly number[]): Sampler {
  const size = shares.length
  const threshold = Float64Array.from(shares)
  const alias = Int32Array.from(shares.keys())
  const below: number[] = []
  const above: number[] = []
  for (const [index, share] of shares.entries()) (share < 1 ? below : above).push(index)
  while (below.length > 0 && above.length > 0) {
    const small = below.pop() as number
    const large = above.at(-1) as number
    alias[small] = large
    const rest = (threshold[large] as number) + (threshold[small] as number) - 1
    threshold[large] = rest
    if (rest < 1) below.push(above.pop() as number)
  }
  // What is left over is 1 but for rounding.
  for (const index of [...below, ...above]) threshold[index] = 1
  return {
    draw(random) {
      const column = Math.floor(random * size)
      return random * size - column < (threshold[column] as number) ? column : (alias[column] as number)
    },
  }
}
