import { setTimeout as sleep } from 'node:timers/promises'

/** The results of one side so far. */
export class Score {
  readonly #latencies: number[] = []
  #good = 0

  get sent(): number {
    return this.#latencies.length
  }

  /** The share of successful calls, 0 to 1. */
  get success(): number {
    return this.sent === 0 ? 1 : this.#good / this.sent
  }

  percentile(share: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)] ?? 0
  }

  async measure(request: () => Promise<boolean>): Promise<void> {
    const started = performance.now()
    const good = await request().catch(() => false)
    this.#latencies.push(performance.now() - started)
    if (good) this.#good++
  }
}

/**
 * Sends calls at a steady rate, whatever the responses are, until it is aborted. Then it waits for the last responses.
 */
export async function steadily(
  rate: number,
  signal: AbortSignal,
  send: (id: number) => Promise<void>,
): Promise<void> {
  const open = new Set<Promise<void>>()
  const started = performance.now()
  for (let id = 1; !signal.aborted; id++) {
    const sent = send(id).finally(() => open.delete(sent))
    open.add(sent)
    const due = started + (id * 1_000) / rate - performance.now()
    if (due > 0) await sleep(due, undefined, { signal }).catch(() => {})
  }
  await Promise.all(open)
}
