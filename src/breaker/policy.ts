import { checkBoolean, checkNumber, checkObject, quote, type NumberRule } from '../options.ts'

/** What a rate is taken over: the last `calls` results, or the results of the last `ms` milliseconds. */
export type BreakerWindow = { readonly calls: number } | { readonly ms: number }

/** An open time that grows each time the breaker opens again, and shrinks while it stays closed. */
export interface OpenForOptions {
  /** The first open time in ms. One step of growth is forgotten per `initial` ms spent closed. */
  readonly initial: number
  /** What each further opening multiplies it by, >= 1. @default 2 */
  readonly factor?: number
  /** The longest open time in ms. @default 10 × initial */
  readonly max?: number
  /** The share, 0 to 1, of which a random part is taken off, so that clients do not probe in step. @default 0.2 */
  readonly jitter?: number
}

/** When a breaker opens, for how long, and what closes it again. */
export interface BreakerOptions {
  /**
   * Failures in a row that open it; `Infinity` turns this off.
   * @default 5, or off when `failureRate` is set; in a client 10 for an instance that nobody can stand in for
   */
  readonly failureThreshold?: number
  /** Opens when at least this share of the window failed, > 0 and <= 1. @default off */
  readonly failureRate?: number
  /** Opens when at least this share of the window was slow, > 0 and <= 1; needs `slowCallDuration`. @default off */
  readonly slowCallRate?: number
  /** A call that took at least this many ms is slow, whether it failed or not. */
  readonly slowCallDuration?: number
  /** What the rates are taken over. @default { ms: 30_000 } */
  readonly window?: BreakerWindow
  /** Completed calls the window must hold before a rate is judged. @default 20, at most `window.calls` */
  readonly minimumCalls?: number
  /**
   * Milliseconds until the first probe, always the same or growing.
   * @default { initial: 5_000, factor: 2, max: 60_000, jitter: 0.2 }
   */
  readonly openFor?: number | OpenForOptions
  /** Probes that must succeed before it closes. @default 3 */
  readonly successThreshold?: number
  /**
   * Judges half-open by rate instead: it closes when at least this share, > 0 and <= 1, of a round of
   * `max(halfOpenProbes, successThreshold)` probes succeeded, and opens again otherwise.
   * @default off: the first failed probe opens it again
   */
  readonly successRate?: number
  /** Probes in flight at a time while half-open. @default 1 */
  readonly halfOpenProbes?: number
  /**
   * Milliseconds after which a probe without a result gives its slot away, and its result is not counted any more. In a
   * client whose option this is not, a second probe goes after 1 s, a third after 2 s more, and so on.
   * @default 30_000
   */
  readonly probeTimeout?: number
  /** Milliseconds half-open may go without a result before it opens again. @default Infinity */
  readonly maxHalfOpenWait?: number
  /** Milliseconds over which its share of the traffic grows back after closing; 0 is at once. @default 10_000 */
  readonly rampFor?: number
  /** Reports in its events what it would do, and refuses nothing. @default false */
  readonly dryRun?: boolean
}

/** Checked options with every default filled in; shared by all breakers of a kind. What is off is `Infinity`. */
export interface BreakerPolicy {
  readonly failureThreshold: number
  /** The same where nobody can stand in: refusing the only instance there is takes more evidence. */
  readonly lastThreshold: number
  readonly failureRate: number
  readonly slowCallRate: number
  readonly slowCallDuration: number
  /** Undefined when no rate is on. */
  readonly window: BreakerWindow | undefined
  readonly minimumCalls: number
  readonly openFor: Required<OpenForOptions>
  /** True when `openFor` is a number: nothing is tried before that time is over. */
  readonly opensForFixed: boolean
  readonly successThreshold: number
  readonly successRate: number
  readonly halfOpenProbes: number
  /** Probes judged together, and the most that are let through without a verdict. */
  readonly round: number
  readonly probeTimeout: number
  /** True when `probeTimeout` was set: nothing else goes before that time is over. */
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
/** What never closes by itself is isolated, not open. */
const FINITE: NumberRule = { ...DURATION, max: Number.MAX_SAFE_INTEGER }
/** A larger window is a mistake: its memory is paid per instance. */
const MAX_WINDOW_CALLS = 1_000_000

/** Back soon after a blip, out of the way in an outage: a fixed minute keeps a fleet down after its trouble is over. */
const DEFAULT_OPEN_FOR: OpenForOptions = { initial: 5_000, factor: 2, max: 60_000 }

/** Checks the options and fills in the defaults; `name` is what error messages call them. */
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
      : // A breaker that tolerates half its calls failing must not trip on five in a row.
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
