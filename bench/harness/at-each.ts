import { drive } from './drive.ts'
import { measure } from './measure.ts'
import type { Comparison, Round, Sample } from './row.ts'

/** The concurrency of calls, and the number of calls in a round. */
type Levels = readonly (readonly [concurrency: number, ops: number])[]

/** High enough to warm up a process for all levels: at 32, a call takes a fifth of its time at 1. */
const WARM_UP_CONCURRENCY = 32

/** The number of rounds at each level before anything is measured. */
export const SETTLING = 2

/**
 * Runs rounds of `call` at each level in turn. The number of calls is fixed, because one side takes longer to be
 * compiled, and garbage collections are irregular. All levels run in one process: two processes for each would take
 * three times as long. The sides take turns at the same level, so that other work of the machine affects both.
 *
 * The first two rounds at each level are not measured. While the other processes started, this one was idle and lost
 * compiled code: there are 10 to 28 deoptimisations in the first round, 2 to 4 in the second, and hardly any later.
 */
export async function atEach(levels: Levels, warmUp: number, call: () => Promise<unknown>): Promise<Round> {
  await drive(WARM_UP_CONCURRENCY, warmUp, call)
  let rounds = 0
  return async () => {
    const [concurrency, ops] = levels[rounds++ % levels.length] ?? [1, 1]
    const { cpu, rate } = await measure((count) => drive(concurrency, count, call), ops)
    const sample: Sample = { [`cpu at ${concurrency}`]: cpu ?? 0, [`rate at ${concurrency}`]: rate ?? 0 }
    return rounds > SETTLING * levels.length ? sample : {}
  }
}

/** The targets at one level: the maximum CPU and the minimum throughput. */
interface Targets {
  readonly cpu?: number
  readonly rate?: number
}

export function comparedAtEach(
  levels: Levels,
  subject: string,
  base: string,
  targets: Readonly<Record<number, Targets>>,
): Comparison[] {
  return levels.flatMap(([concurrency]): Comparison[] => {
    const { cpu, rate } = targets[concurrency] ?? {}
    return [
      {
        name: `${concurrency} at a time: client CPU`,
        subject,
        base,
        measure: `cpu at ${concurrency}`,
        unit: 'µs',
        ...(cpu !== undefined && { target: cpu }),
      },
      {
        name: `${concurrency} at a time: throughput`,
        subject,
        base,
        measure: `rate at ${concurrency}`,
        unit: 'req/s',
        atLeast: true,
        ...(rate !== undefined && { target: rate }),
      },
    ]
  })
}
