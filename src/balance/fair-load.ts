import type { Endpoint } from './balancer.ts'
import { weightOf } from './weight.ts'

/** How many counts are read anew at each look; exact for as many endpoints, a moment old for more. */
const READS = 8

/** Knows, without adding up all endpoints each time, how much of the load one may have. */
export class FairLoad {
  readonly #endpoints: readonly Endpoint[]
  readonly #seen: Int32Array
  readonly #weight: number
  #total = 0
  #cursor = 0

  constructor(endpoints: readonly Endpoint[]) {
    this.#endpoints = endpoints
    this.#seen = new Int32Array(endpoints.length)
    this.#weight = endpoints.reduce((sum, endpoint) => sum + weightOf(endpoint), 0)
    for (let read = 0; read < endpoints.length; read += READS) this.refresh()
  }

  refresh(): void {
    for (let read = Math.min(READS, this.#seen.length); read > 0; read--) {
      const index = this.#cursor
      this.#cursor = index + 1 === this.#seen.length ? 0 : index + 1
      const { inFlight } = this.#endpoints[index] as Endpoint
      this.#total += inFlight - (this.#seen[index] as number)
      this.#seen[index] = inFlight
    }
  }

  /** True when one attempt more leaves the endpoint within `factor` times its share of all. */
  hasRoom(endpoint: Endpoint, factor: number): boolean {
    const share = ((this.#total + 1) * weightOf(endpoint)) / this.#weight
    return endpoint.inFlight + 1 <= Math.ceil(factor * share)
  }
}
