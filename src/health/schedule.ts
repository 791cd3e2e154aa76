/**
 * How many checks a client makes per second, over all instances. With many instances, each one is checked less
 * often.
 */
const MAX_CHECKS_PER_SECOND = 10
/** Time to the next check while the state is about to change, in ms, unless `interval` is shorter. */
const CONFIRM = 1_000
/** ± 20 %, so that clients that started at the same moment spread their checks. */
const JITTER = 0.2

/** Returns the time between two checks of one of `count` instances, in ms. */
function spacing(interval: number, count: number): number {
  return Math.max(interval, (count * 1_000) / MAX_CHECKS_PER_SECOND)
}

/** Returns the time to the next check of an instance, in ms. */
export function nextCheck(interval: number, count: number, isChanging: boolean, random: number): number {
  const usual = isChanging ? Math.min(interval, CONFIRM) : interval
  return spacing(usual, count) * (1 - JITTER + 2 * JITTER * random)
}

/**
 * Returns the time to the first check of one of `count` instances, in ms. It is random, because many clients
 * may discover the instance at the same moment.
 */
export function firstCheck(interval: number, count: number, random: number): number {
  return spacing(Math.min(interval, CONFIRM), count) * random
}
