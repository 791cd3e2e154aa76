import type { Endpoint } from './balancer.ts'
import { weightOf } from './weight.ts'

/** The number of endpoints whose load each refresh reads. With more endpoints than this, some counts are older. */
const READS_PER_REFRESH = 8

/**
 * Computes how much load an endpoint may have. It keeps a running total instead of adding up all endpoints at each
 * pick.
 */
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
    for (let read = 0; read < endpoints.length; read += READS_PER_REFRESH) this.refresh()
  }

  refresh(): void {
    for (let read = Math.min(READS_PER_REFRESH, this.#seen.length); read > 0; read--) {
      const index = this.#cursor
      this.#cursor = index + 1 === this.#seen.length ? 0 : index + 1
      const { inFlight } = this.#endpoints[index] as Endpoint
      this.#total += inFlight - (this.#seen[index] as number)
      this.#seen[index] = inFlight
    }
  }

  /** True if the endpoint stays within `factor` times its fair share of the load after one more attempt. */
  hasRoom(endpoint: Endpoint, factor: number): boolean {
    const share = ((this.#total + 1) * weightOf(endpoint)) / this.#weight
    return endpoint.inFlight + 1 <= Math.ceil(factor * share)
  }
}
