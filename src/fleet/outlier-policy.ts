import { checkNumber, checkObject } from '../options.ts'

/** How the client finds an instance that is worse than the others, and ejects it for some time. */
export interface OutlierOptions {
  /** The time between two comparisons, in milliseconds. @default 10_000 */
  interval?: number
  /**
   * Ejects an instance that succeeds less often than the others. Its success rate must be below mean − `deviations` (1.9) ×
   * standard deviation, and below mean − `margin` (0.05), with `minimumFailures` (5) or more. A difference that may be chance
   * with so few calls does not count.
   * @default {}
   */
  successRate?: { deviations?: number; margin?: number; minimumFailures?: number } | false
  /** Ejects an instance that fails at least this share of its calls (0 to 1), independent of the others. @default off */
  failureShare?: number
  /**
   * Ejects an instance whose mean latency is above `factor` (3) × the median of all, and at least `margin` (10) ms above it. A
   * few slow responses among many fast ones are not enough.
   * @default off
   */
  latency?: { factor?: number; margin?: number } | false
  /** A comparison needs at least this many instances with `minimumCalls`. @default 5 */
  minimumHosts?: number
  /** An instance needs at least this many calls within an interval to be compared. @default 20 */
  minimumCalls?: number
  /**
   * How long the first ejection lasts, in milliseconds. Each further one is longer by this time. Each interval with
   * `minimumCalls` in which the instance is no outlier takes it back.
   * @default 30_000
   */
  ejectFor?: number
  /** The longest ejection, in milliseconds. @default 300_000 */
  maxEjectFor?: number
  /**
   * The largest share of instances that may be out at the same time (0 to 1). Instances whose breaker is not closed count,
   * for any reason. One instance may always be out.
   * @default 0.1
   */
  maxEjected?: number
}

export interface OutlierPolicy {
  readonly interval: number
  /** Infinity means off. */
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
