import { checkNumber, checkObject, quote } from '../options.ts'

export interface LimitOptions {
  /** Calls in flight at once; `'adaptive'` finds out how many the service can take. @default 'adaptive' */
  max?: number | 'adaptive'
  /** Calls that may wait for a place; all others are refused at once. @default 0 */
  queue?: number
  /** Bounds for the adaptive limit. */
  adaptive?: AdaptiveOptions
}

export interface AdaptiveOptions {
  /** Calls in flight to start with. @default 20, within `min` and `max` */
  initial?: number
  /** It never goes lower. @default 4 */
  min?: number
  /** It never goes higher. @default 1_000 */
  max?: number
}

export interface LimitPolicy {
  readonly max: number | Readonly<Required<AdaptiveOptions>>
  readonly queue: number
}

const whole = { min: 1, integer: true }

export function limitPolicy(options: LimitOptions, name: string): LimitPolicy {
  checkObject(name, options, ['max', 'queue', 'adaptive'])
  const { max = 'adaptive', queue = 0, adaptive } = options
  if (queue !== Infinity) checkNumber(`${name}.queue`, queue, { integer: true })
  if (max === 'adaptive') return { max: adaptivePolicy(adaptive ?? {}, `${name}.adaptive`), queue }
  if (typeof max !== 'number')
    throw new TypeError(`${name}.max must be a number or 'adaptive', got ${quote(max)}`)
  if (adaptive !== undefined)
    throw new TypeError(`${name}.adaptive needs ${name}.max to be 'adaptive', got ${max}`)
  return { max: checkNumber(`${name}.max`, max, whole), queue }
}

function adaptivePolicy(options: AdaptiveOptions, name: string): Required<AdaptiveOptions> {
  checkObject(name, options, ['initial', 'min', 'max'])
  const min = checkNumber(`${name}.min`, options.min ?? Math.min(4, options.max ?? 4), whole)
  const max = checkNumber(`${name}.max`, options.max ?? Math.max(1000, min), { min, integer: true })
  const initial = options.initial ?? Math.min(Math.max(20, min), max)
  return { min, max, initial: checkNumber(`${name}.initial`, initial, { min, max, integer: true }) }
}
