import { checkFunction, checkNumber, checkObject, quote } from '../options.ts'

/** When simulated requests arrive. */
export interface SimulatedArrivals {
  /** Requests per second over all clients. */
  rate: number
  /** @default 'poisson' */
  process?: 'poisson' | 'uniform'
  /** Multiplies the rate over time. Called every 10 simulated ms. @default 1 */
  shape?: (now: number) => number
}

/** Requests per second. At a higher rate, all requests would arrive at once and the simulation would never end. */
const MAX_RATE = 1e9

/** How long the value of `shape` is used, in simulated ms. */
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

/** Returns when the next request arrives after `now`, or Infinity if no request arrives before `end`. */
export function nextArrival(
  { rate, process, shape }: SimulatedArrivals,
  now: number,
  end: number,
  random: () => number,
): number {
  // The distance to the next request, in mean gaps at the full rate. A shape makes a gap shorter or longer.
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
