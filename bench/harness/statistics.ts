export interface Estimate {
  readonly median: number
  /** The bounds within which the true median lies with at least 95 % confidence. */
  readonly low: number
  readonly high: number
}

/**
 * Returns the median with bounds that assume no distribution. They are order statistics, so outliers do not change
 * them.
 */
export function estimate(samples: readonly number[]): Estimate {
  const sorted = samples.toSorted((a, b) => a - b)
  const size = sorted.length
  const at = (index: number): number => sorted[Math.min(Math.max(index, 0), size - 1)] ?? Number.NaN
  const middle = (size - 1) / 2
  const margin = Math.ceil(0.98 * Math.sqrt(size))
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    low: at(Math.floor(middle) - margin + 1),
    high: at(Math.ceil(middle) + margin - 1),
  }
}

export type Verdict = 'reached' | 'missed' | 'unclear' | 'reported'

/** If the target lies between bounds further apart than this fraction of the median, the result is unclear. */
const TOO_WIDE = 0.1

/** A median is a result if both of its bounds are on one side of the target, or if they are close together. */
export function judge({ median, low, high }: Estimate, target: number | undefined, atLeast = false): Verdict {
  const wide = high - low > TOO_WIDE * median
  if (target === undefined) return high - low > 5 * TOO_WIDE * median ? 'unclear' : 'reported'
  if (wide && low <= target && target < high) return 'unclear'
  return (atLeast ? median >= target : median <= target) ? 'reached' : 'missed'
}
