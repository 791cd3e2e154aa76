/** The fraction of its usual traffic that an endpoint gets right after its breaker has closed. */
const MIN_SHARE = 0.1

/** The time since a breaker closed. During this time its endpoint gets more and more of its usual traffic. */
export class Recovery {
  readonly #closedAt: number

  constructor(closedAt: number) {
    this.#closedAt = closedAt
  }

  healthyFor(now: number): number {
    return now - this.#closedAt
  }

  /** Returns the fraction of the usual traffic, 0 to 1. It grows for `rampFor` milliseconds. */
  share(now: number, rampFor: number): number {
    const healthy = this.healthyFor(now)
    return healthy >= rampFor ? 1 : Math.max(MIN_SHARE, healthy / rampFor)
  }
}
