import { checkFunction, checkNumber, checkObject, quote } from '../options.ts'

/** When simulated requests arrive. */
export interface SimulatedArrivals {
  /** Requests per second over all clients. */
  rate: number
  /** @default 'poisson' */
  process?: 'poisson' | 'uniform'
  /** Multiplies the rate over time; looked at every 10 simulated ms. @default 1 */
  shape?: (now: number) => number
}

/** More would arrive all at once: a simulation that never ends. */
const MAX_RATE = 1e9

/** Milliseconds for which a shape is taken as constant. */
const STEP = 10

export function checkArrivals(arrivals: SimulatedArrivals): void {
  checkObject('arrivals', arrivals, ['rate', 'process', 'shape'])
  const { rate, process = 'poisson', shape } = arrivals
  checkNumber('arrivals.rate', rate, { exclusive: true, max: MAX_RATE })
  if (shape !== undefined) checkFunction('arrivals.shape', shape)
  if (process !== 'poisson' && process !== 'uniform') {
    throw new TypeError(`arrivals.process must be 'poisson' or 'uniform', got ${quote(process)}`)
  }
}

/** When the next request arrives after `now`, or Infinity if that is not before `end`. */
export function nextArrival(
  { rate, process, shape }: SimulatedArrivals,
  now: number,
  end: number,
  random: () => number,
): number {
  // In mean gaps at the full rate; a shape lets them pass faster or slower.
  let gaps = process === 'uniform' ? 1 : -Math.log(1 - random())
  const perMs = rate / 1000
  let at = now
  if (shape) {
    for (;;) {
      if (at >= end) return Infinity
      const passing = STEP * perMs * checkNumber('arrivals.shape()', shape(at), { max: MAX_RATE })
      if (passing > gaps) {
        at += (STEP * gaps) / passing
        break
      }
      gaps -= passing
      at += STEP
    }
  } else {
    at += gaps / perMs
  }
  return at < end ? at : Infinity
}
