import { checkNumber, checkObject, quote } from '../options.ts'

/** How many calls may be in flight at the same time, and how many may wait for a place. */
export interface LimitOptions {
  /**
   * The maximum number of calls in flight. With `'adaptive'` the client finds out how many the service can handle.
   * @default 'adaptive'
   */
  max?: number | 'adaptive'
  /** The maximum number of calls that wait for a place. All others are rejected at once. @default 0 */
  queue?: number
  /** Bounds of the adaptive limit. */
  adaptive?: AdaptiveOptions
}

/** Bounds of an adaptive limit. */
export interface AdaptiveOptions {
  /** The limit at the start. @default 20, within `min` and `max` */
  initial?: number
  /** The smallest limit. @default 4 */
  min?: number
  /** The largest limit. @default 1_000 */
  max?: number
}

export interface LimitPolicy {
  readonly max: number | Readonly<Required<AdaptiveOptions>>
  readonly queue: number
}

const positiveInteger = { min: 1, integer: true }

export function limitPolicy(options: LimitOptions, name: string): LimitPolicy {
  checkObject(name, options, ['max', 'queue', 'adaptive'])
  const { max = 'adaptive', queue = 0, adaptive } = options
  if (queue !== Infinity) checkNumber(`${name}.queue`, queue, { integer: true })
  if (max === 'adaptive') return { max: adaptivePolicy(`${name}.adaptive`, adaptive), queue }
  if (typeof max !== 'number')
    throw new TypeError(`${name}.max must be a number or 'adaptive', got ${quote(max)}`)
  if (adaptive !== undefined)
    throw new TypeError(`${name}.adaptive needs ${name}.max to be 'adaptive', got ${max}`)
  return { max: checkNumber(`${name}.max`, max, positiveInteger), queue }
}

function adaptivePolicy(name: string, options: AdaptiveOptions = {}): Required<AdaptiveOptions> {
  checkObject(name, options, ['initial', 'min', 'max'])
  const { max: most = 1000 } = options
  checkNumber(`${name}.max`, most, positiveInteger)
  // The defaults adapt to the options that are set.
  const {
    min = Math.min(4, most),
    max = Math.max(most, min),
    initial = Math.min(Math.max(20, min), max),
  } = options
  return {
    min: checkNumber(`${name}.min`, min, positiveInteger),
    max: checkNumber(`${name}.max`, max, { min, integer: true }),
    initial: checkNumber(`${name}.initial`, initial, {
      min,
      max,
      integer: true,
    }),
  }
}
