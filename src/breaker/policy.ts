import { checkBoolean, checkNumber, checkObject, quote, type NumberRule } from '../options.ts'

/** The results from which rates are computed: the last `calls` results, or those of the last `ms` milliseconds. */
export type BreakerWindow = { readonly calls: number } | { readonly ms: number }

/** An open time that grows each time the breaker opens again, and shrinks while it stays closed. */
export interface OpenForOptions {
  /** The first open time in milliseconds. One step of growth is forgotten per `initial` milliseconds closed. */
  readonly initial: number
  /** The factor for each further opening, >= 1. @default 2 */
  readonly factor?: number
  /** The longest open time in milliseconds. @default 10 × initial */
  readonly max?: number
  /**
   * Each open time is shortened by a random part of this fraction, 0 to 1, so that clients do not probe at the same time.
   * @default 0.2
   */
  readonly jitter?: number
}

/** When a breaker opens, for how long, and what closes it again. */
export interface BreakerOptions {
  /**
   * The number of failures in a row that opens the breaker. `Infinity` turns this off.
   * @default 5, or off if `failureRate` is set; in a client 10 for an instance whose calls cannot go elsewhere
   */
  readonly failureThreshold?: number
  /** The breaker opens if at least this fraction of the window failed, > 0 and <= 1. @default off */
  readonly failureRate?: number
  /**
   * The breaker opens if at least this fraction of the window was slow, > 0 and <= 1. It needs `slowCallDuration`. @default off
   */
  readonly slowCallRate?: number
  /** A call that took at least this many milliseconds is slow, whether it failed or not. */
  readonly slowCallDuration?: number
  /** The results from which the rates are computed. @default { ms: 30_000 } */
  readonly window?: BreakerWindow
  /** The number of completed calls that the window must contain before a rate is used. @default 20, at most `window.calls` */
  readonly minimumCalls?: number
  /**
   * Milliseconds until the first probe, fixed or growing.
   * @default { initial: 5_000, factor: 2, max: 60_000, jitter: 0.2 }
   */
  readonly openFor?: number | OpenForOptions
  /** The number of probes that must succeed before the breaker closes. @default 3 */
  readonly successThreshold?: number
  /**
   * Uses a rate in half-open: the breaker closes if at least this fraction, > 0 and <= 1, of `max(halfOpenProbes,
   * successThreshold)` probes succeeds, and opens again otherwise.
   * @default off: the first failed probe opens it again
   */
  readonly successRate?: number
  /** The maximum number of probes in flight while half-open. @default 1 */
  readonly halfOpenProbes?: number
  /**
   * Milliseconds after which a probe without a result loses its slot, and its result is no longer counted. In a client that does
   * not set this option, a second probe goes after 1 s, a third after 2 s more, and so on.
   * @default 30_000
   */
  readonly probeTimeout?: number
  /** Milliseconds that half-open may last without a result before the breaker opens again. @default Infinity */
  readonly maxHalfOpenWait?: number
  /** Milliseconds in which the traffic of the instance grows back after closing; 0 means at once. @default 10_000 */
  readonly rampFor?: number
  /** True if the breaker refuses nothing and only reports in its events what it would do. @default false */
  readonly dryRun?: boolean
}

/** The checked options with all defaults, shared by all breakers of a kind. `Infinity` turns an option off. */
export interface BreakerPolicy {
  readonly failureThreshold: number
  /** The failure threshold if calls cannot go elsewhere. Refusing the only instance needs more evidence. */
  readonly lastThreshold: number
  readonly failureRate: number
  readonly slowCallRate: number
  readonly slowCallDuration: number
  /** Undefined if no rate is used. */
  readonly window: BreakerWindow | undefined
  readonly minimumCalls: number
  readonly openFor: Required<OpenForOptions>
  /** True if `openFor` is a number. Then nothing is tried before that time has passed. */
  readonly opensForFixed: boolean
  readonly successThreshold: number
  readonly successRate: number
  readonly halfOpenProbes: number
  /** The number of probes that are judged together, and the maximum number in flight before the decision. */
  readonly round: number
  readonly probeTimeout: number
  /** True if `probeTimeout` was set. Then no further probe goes before that time has passed. */
  readonly waitsForProbes: boolean
  readonly maxHalfOpenWait: number
  readonly rampFor: number
  readonly dryRun: boolean
}

export const breakerOptionNames: readonly (keyof BreakerOptions)[] = [
  'failureThreshold',
  'failureRate',
  'slowCallRate',
  'slowCallDuration',
  'window',
  'minimumCalls',
  'openFor',
  'successThreshold',
  'successRate',
  'halfOpenProbes',
  'probeTimeout',
  'maxHalfOpenWait',
  'rampFor',
  'dryRun',
]

const COUNT: NumberRule = { min: 1, integer: true }
const RATE: NumberRule = { min: 0, exclusive: true, max: 1 }
const DURATION: NumberRule = { min: 0, exclusive: true }
/** Infinity is not allowed: a breaker that never closes is isolated, not open. */
const FINITE: NumberRule = { ...DURATION, max: Number.MAX_SAFE_INTEGER }
/** A larger window is rejected, because each instance needs memory for it. */
const MAX_WINDOW_CALLS = 1_000_000

/**
 * It probes soon after a short failure, and rarely during a long outage. With a fixed minute, calls would fail for up to a minute
 * after the end of an outage.
 */
const DEFAULT_OPEN_FOR: OpenForOptions = { initial: 5_000, factor: 2, max: 60_000 }

/** Checks the options and fills in the defaults. `name` is used in error messages. */
export function breakerPolicy(options: BreakerOptions = {}, name = 'breaker'): BreakerPolicy {
  checkObject(name, options, breakerOptionNames)
  const number = (key: keyof BreakerOptions, otherwise: number, rule: NumberRule): number =>
    options[key] === undefined ? otherwise : checkNumber(`${name}.${key}`, options[key], rule)

  const failureRate = number('failureRate', Infinity, RATE)
  const slowCallRate = number('slowCallRate', Infinity, RATE)
  if (slowCallRate !== Infinity && options.slowCallDuration === undefined) {
    throw new TypeError(`${name}.slowCallDuration must be set along with slowCallRate, got undefined`)
  }
  const { openFor = DEFAULT_OPEN_FOR, dryRun = false } = options
  const window = checkWindow(`${name}.window`, options.window)
  const most = 'calls' in window ? window.calls : Infinity
  const successThreshold = number('successThreshold', 3, COUNT)
  const halfOpenProbes = number('halfOpenProbes', 1, COUNT)
  checkBoolean(`${name}.dryRun`, dryRun)

  const failureThreshold =
    options.failureThreshold === Infinity
      ? Infinity
      : // A breaker that tolerates half of its calls failing must not open after five failures in a row.
        number('failureThreshold', failureRate === Infinity ? 5 : Infinity, COUNT)

  return Object.freeze({
    failureThreshold,
    lastThreshold: options.failureThreshold === undefined ? failureThreshold * 2 : failureThreshold,
    failureRate,
    slowCallRate,
    slowCallDuration: number('slowCallDuration', Infinity, DURATION),
    window: failureRate === Infinity && slowCallRate === Infinity ? undefined : window,
    minimumCalls: number('minimumCalls', Math.min(20, most), { ...COUNT, max: most }),
    openFor: checkOpenFor(`${name}.openFor`, openFor),
    opensForFixed: typeof openFor === 'number',
    successThreshold,
    successRate: number('successRate', Infinity, RATE),
    halfOpenProbes,
    round: Math.max(halfOpenProbes, successThreshold),
    probeTimeout: number('probeTimeout', 30_000, DURATION),
    waitsForProbes: options.probeTimeout !== undefined,
    maxHalfOpenWait: number('maxHalfOpenWait', Infinity, DURATION),
    rampFor: number('rampFor', 10_000, {}),
    dryRun,
  })
}

function checkWindow(name: string, window: BreakerWindow = { ms: 30_000 }): BreakerWindow {
  checkObject(name, window, ['calls', 'ms'])
  if ('calls' in window === 'ms' in window) {
    throw new TypeError(`${name} must be { calls } or { ms }, got ${quote(window)}`)
  }
  return 'calls' in window
    ? { calls: checkNumber(`${name}.calls`, window.calls, { ...COUNT, max: MAX_WINDOW_CALLS }) }
    : { ms: checkNumber(`${name}.ms`, checkNumber(`${name}.ms`, window.ms, DURATION), { min: 1 }) }
}

function checkOpenFor(name: string, openFor: number | OpenForOptions): Required<OpenForOptions> {
  if (typeof openFor === 'number') {
    return { initial: checkNumber(name, openFor, FINITE), factor: 1, max: openFor, jitter: 0 }
  }
  if (typeof openFor !== 'object') {
    throw new TypeError(`${name} must be a number or an object, got ${quote(openFor)}`)
  }
  checkObject(name, openFor, ['initial', 'factor', 'max', 'jitter'])
  const { initial, factor = 2, max = initial * 10, jitter = 0.2 } = openFor
  checkNumber(`${name}.initial`, initial, FINITE)
  checkNumber(`${name}.factor`, factor, { min: 1 })
  checkNumber(`${name}.max`, max, { min: initial })
  checkNumber(`${name}.jitter`, jitter, { max: 1 })
  return { initial, factor, max, jitter }
}
