/** Checks that a client makes in a second at most, over all instances: where it has many, each is checked more seldom. */
const MOST_PER_SECOND = 10
/** Milliseconds to the next check in the middle of a change of state, if `interval` is not less. */
const CONFIRM = 1_000
/** A fifth more or less, so that clients that began together do not stay together. */
const JITTER = 0.2

/** Milliseconds between two checks of one of `count` instances. */
export function spacing(interval: number, count: number): number {
  return Math.max(interval, (count * 1_000) / MOST_PER_SECOND)
}

/** Milliseconds to the next check of an instance. */
export function nextCheck(interval: number, count: number, isChanging: boolean, random: number): number {
  const usual = isChanging ? Math.min(interval, CONFIRM) : interval
  return spacing(usual, count) * (1 - JITTER + 2 * JITTER * random)
}

/** Milliseconds to the first check of one of `count` instances: spread out, in case many clients meet it at once. */
export function firstCheck(interval: number, count: number, random: number): number {
  return spacing(Math.min(interval, CONFIRM), count) * random
}
