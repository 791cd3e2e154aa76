/** The share of traffic right after closing. */
const MIN_SHARE = 0.1

/** The time since a breaker last closed: its endpoint gets more of its traffic again, and is healthy. */
export class Recovery {
  readonly #closedAt: number

  constructor(closedAt: number) {
    this.#closedAt = closedAt
  }

  healthyFor(now: number): number {
    return now - this.#closedAt
  }

  /** The share of its usual traffic, 0 to 1: it grows for `rampFor` ms. */
  share(now: number, rampFor: number): number {
    const healthy = this.healthyFor(now)
    return healthy >= rampFor ? 1 : Math.max(MIN_SHARE, healthy / rampFor)
  }
}
