import type { Comparison, Row } from './row.ts'
import type { Samples } from './rounds.ts'
import { estimate, judge, type Estimate, type Verdict } from './statistics.ts'

export interface Result extends Comparison {
  readonly row: string
  readonly rounds: number
  /** The ratio of subject to base where there is one, the plain figure otherwise. */
  readonly estimate: Estimate
  /** Medians of each side alone. */
  readonly subjectValue: number
  readonly baseValue?: number
  readonly verdict: Verdict
}

export function compare(row: Row, samples: Samples): Result[] {
  return row.comparisons.map((comparison) => {
    const subject = valuesOf(samples, comparison.subject, comparison.measure)
    const base = comparison.base && valuesOf(samples, comparison.base, comparison.measure)
    // Rounds side by side, so that what the machine does meanwhile happens to both.
    const figures = base ? subject.map((value, index) => value / (base[index] ?? Number.NaN)) : subject
    const estimated = estimate(figures)
    return {
      ...comparison,
      row: row.title,
      rounds: subject.length,
      estimate: estimated,
      subjectValue: estimate(subject).median,
      ...(base && { baseValue: estimate(base).median }),
      verdict: judge(estimated, comparison.target, comparison.atLeast),
    }
  })
}

/** Not every round needs to measure everything. */
function valuesOf(samples: Samples, variant: string, measure: string): number[] {
  const values = (samples.get(variant) ?? []).flatMap((sample) => sample[measure] ?? [])
  if (values.length === 0) throw new Error(`'${variant}' measures no '${measure}'`)
  return values
}
