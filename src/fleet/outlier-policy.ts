import { checkNumber, checkObject } from '../options.ts'

/** How an instance that does worse than the others is found and ejected for some time. */
export interface OutlierOptions {
  /** Milliseconds between two comparisons. @default 10_000 */
  interval?: number
  /**
   * Ejects what succeeds less often than the others: below mean − `deviations` (1.9) × standard deviation, and below
   * mean − `margin` (0.05), with `minimumFailures` (5) or more. What chance alone may do to that many calls is no outlier.
   * @default {}
   */
  successRate?: { deviations?: number; margin?: number; minimumFailures?: number } | false
  /** Ejects what fails at least this share of its calls, whatever the others do. @default off */
  failureShare?: number
  /**
   * Ejects what is slower than `factor` (3) × the median of all, and by at least `margin` (10) ms. A few slow answers
   * among many fast ones are not enough.
   * @default off
   */
  latency?: { factor?: number; margin?: number } | false
  /** Instances with enough calls that a comparison needs. @default 5 */
  minimumHosts?: number
  /** Calls within an interval that make an instance comparable. @default 20 */
  minimumCalls?: number
  /** Milliseconds of a first ejection; each repetition adds as much, each clean interval takes as much off. @default 30_000 */
  ejectFor?: number
  /** No ejection is longer, in ms. @default 300_000 */
  maxEjectFor?: number
  /** The share of the fleet that may be out at a time, for whatever reason; one always may. @default 0.1 */
  maxEjected?: number
}

export interface OutlierPolicy {
  readonly interval: number
  /** Infinity: off. */
  readonly deviations: number
  readonly rateMargin: number
  readonly minimumFailures: number
  readonly failureShare: number
  readonly latencyFactor: number
  readonly latencyMargin: number
  readonly minimumHosts: number
  readonly minimumCalls: number
  readonly ejectFor: number
  readonly maxEjectFor: number
  readonly maxEjected: number
}

const OPTIONS: Record<keyof OutlierOptions, true> = {
  interval: true,
  successRate: true,
  failureShare: true,
  latency: true,
  minimumHosts: true,
  minimumCalls: true,
  ejectFor: true,
  maxEjectFor: true,
  maxEjected: true,
}

export function outlierPolicy(options: OutlierOptions): OutlierPolicy {
  checkObject('outliers', options, Object.keys(OPTIONS))
  const {
    interval = 10_000,
    successRate = {},
    failureShare,
    latency = false,
    minimumHosts = 5,
    minimumCalls = 20,
    ejectFor = 30_000,
    maxEjectFor = Math.max(300_000, ejectFor),
    maxEjected = 0.1,
  } = options
  if (successRate !== false)
    checkObject('outliers.successRate', successRate, ['deviations', 'margin', 'minimumFailures'])
  if (latency !== false) checkObject('outliers.latency', latency, ['factor', 'margin'])
  const {
    deviations = 1.9,
    margin: rateMargin = 0.05,
    minimumFailures = 5,
  } = successRate === false ? { deviations: Infinity } : successRate
  const { factor = 3, margin = 10 } = latency === false ? { factor: Infinity } : latency
  return Object.freeze({
    interval: checkNumber('outliers.interval', interval, { exclusive: true }),
    deviations: checkNumber('outliers.successRate.deviations', deviations, { exclusive: true }),
    rateMargin: checkNumber('outliers.successRate.margin', rateMargin, { max: 1 }),
    minimumFailures: checkNumber('outliers.successRate.minimumFailures', minimumFailures, {
      min: 1,
      integer: true,
    }),
    failureShare:
      failureShare === undefined
        ? Infinity
        : checkNumber('outliers.failureShare', failureShare, { exclusive: true, max: 1 }),
    latencyFactor: checkNumber('outliers.latency.factor', factor, { min: 1 }),
    latencyMargin: checkNumber('outliers.latency.margin', margin),
    minimumHosts: checkNumber('outliers.minimumHosts', minimumHosts, { min: 2, integer: true }),
    minimumCalls: checkNumber('outliers.minimumCalls', minimumCalls, { min: 1, integer: true }),
    ejectFor: checkNumber('outliers.ejectFor', ejectFor, { exclusive: true }),
    maxEjectFor: checkNumber('outliers.maxEjectFor', maxEjectFor, { min: ejectFor }),
    maxEjected: checkNumber('outliers.maxEjected', maxEjected, { max: 1 }),
  })
}
