import { drive } from './drive.ts'
import { measure } from './measure.ts'
import type { Comparison, Round, Sample } from './row.ts'

/** Calls at a time, and how many of them make a round. */
type Levels = readonly (readonly [concurrency: number, ops: number])[]

/** Enough to make a process warm for all levels: at 32 a call takes a fifth of the time that it takes at one. */
const WARM_UP_CONCURRENCY = 32

/** Rounds at each level before any counts. */
export const SETTLING = 2

/**
 * Rounds of `call` at each level in turn, by a fixed number of calls: one side takes longer to be compiled, and garbage comes
 * in lumps. All levels in one process, for two processes for each would take three times as long; and the sides take turns
 * at the same level, so that what the machine does in that quarter of a second happens to both.
 * The first two rounds at each level count for nothing. A process was idle while the others started, which costs it code
 * that was compiled: 10 to 28 deoptimisations in the first round, 2 to 4 in the second, hardly any later.
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

/** What to reach at one level: CPU at most, throughput at least. */
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
