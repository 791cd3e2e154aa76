import type { SimulatedSecond } from '../../src/testing/report.ts'
import { simulate } from '../../src/testing/simulate.ts'
import type { Figure, Scenario, Variant } from './scenario.ts'

/** One row with one seed. */
export interface Run {
  readonly figures: Readonly<Record<Figure, number>>
  readonly timeline: readonly SimulatedSecond[]
}

/** In a bad second, less than this fraction of the calls succeeds. */
const RECOVERED = 0.9

export async function run(scenario: Scenario, variant: Variant, seed: number): Promise<Run> {
  const { duration, warmup = 0, arrivals, servers, success, troubleEnds = Infinity } = scenario
  const report = await simulate({
    seed,
    duration,
    warmup,
    arrivals,
    clients: variant.clients ?? scenario.clients,
    client: variant.client,
    servers: servers(),
    ...(success && { success }),
  })
  const { mean, p50, p99, p999 } = report.latency
  return {
    figures: {
      success: report.success,
      worst: report.success,
      mean,
      p50,
      p99,
      p999,
      load: report.attempts / report.logical,
      recovery: recovery(report.timeline, troubleEnds),
    },
    timeline: report.timeline,
  }
}

/** Returns the seconds from `from` to the end of the last bad second after it. Infinity if the run ends badly. */
function recovery(timeline: readonly SimulatedSecond[], from: number): number {
  const bad = timeline.findLastIndex(({ success }) => success < RECOVERED)
  if (bad === timeline.length - 1) return Infinity
  return Math.max((timeline[bad]?.at ?? 0) + 1000 - from, 0) / 1000
}
