import type { Comparison, Row } from './row.ts'
import type { Samples } from './rounds.ts'
import { estimate, judge, type Estimate, type Verdict } from './statistics.ts'

export interface Result extends Comparison {
  readonly row: string
  readonly rounds: number
  /** The ratio of subject to base, or the absolute number if there is no base. */
  readonly estimate: Estimate
  /** The median of each side. */
  readonly subjectValue: number
  readonly baseValue?: number
  readonly verdict: Verdict
}

export function compare(row: Row, samples: Samples): Result[] {
  return row.comparisons.map((comparison) => {
    const subject = valuesOf(samples, comparison.subject, comparison.measure)
    const base = comparison.base && valuesOf(samples, comparison.base, comparison.measure)
    // Compares rounds that ran one after the other, so that other work of the machine affects both.
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

/** A round may leave out some measurements. */
function valuesOf(samples: Samples, variant: string, measure: string): number[] {
  const values = (samples.get(variant) ?? []).flatMap((sample) => sample[measure] ?? [])
  if (values.length === 0) throw new Error(`'${variant}' measures no '${measure}'`)
  return values
}
