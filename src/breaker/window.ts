import type { BreakerWindow } from './policy.ts'

/** The results from which a rate is computed. Each kind counts exactly, in O(1) per result. */
export interface Window {
  readonly calls: number
  readonly failures: number
  readonly slow: number
  /** Forgets results that are too old at `now`. */
  expire(now: number): void
  record(failed: boolean, slow: boolean): void
  /** Turns the success that was recorded `age` results ago (0: the last) into a failure, if it is still in the window. */
  amend(age: number): void
  clear(): void
}

export function createWindow(window: BreakerWindow): Window {
  return 'calls' in window ? new CountWindow(window.calls) : new TimeWindow(window.ms)
}

const FAILED = 1
const SLOW = 2

/** The last `size` results, with two bits each. The memory is allocated at the first result. */
class CountWindow implements Window {
  calls = 0
  failures = 0
  slow = 0
  #next = 0
  #ring: Uint8Array | undefined
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  expire(): void {}

  record(failed: boolean, slow: boolean): void {
    const ring = (this.#ring ??= new Uint8Array((this.#size + 3) >> 2))
    const byte = this.#next >> 2
    const shift = (this.#next & 3) << 1
    const bits = ring[byte] ?? 0
    if (this.calls === this.#size) {
      const oldest = bits >> shift
      if (oldest & FAILED) this.failures--
      if (oldest & SLOW) this.slow--
    } else {
      this.calls++
    }
    if (failed) this.failures++
    if (slow) this.slow++
    const result = (failed ? FAILED : 0) | (slow ? SLOW : 0)
    ring[byte] = (bits & ~(3 << shift)) | (result << shift)
    this.#next = this.#next + 1 === this.#size ? 0 : this.#next + 1
  }

  amend(age: number): void {
    if (age >= this.calls || !this.#ring) return
    const index = (this.#next - 1 - age + this.#size) % this.#size
    this.#ring[index >> 2] = (this.#ring[index >> 2] ?? 0) | (FAILED << ((index & 3) << 1))
    this.failures++
  }

  clear(): void {
    this.calls = this.failures = this.slow = this.#next = 0
  }
}

const BUCKETS = 10

/** Ten buckets of equal width. When a new bucket begins, the oldest one is dropped completely. */
class TimeWindow implements Window {
  calls = 0
  failures = 0
  slow = 0
  #newest = -Infinity
  /** When the newest bucket ends. */
  #endsAt = -Infinity
  #index = 0
  readonly #calls: number[] = zeros()
  /** Created when there is something to count. Most breakers never need them. */
  #failures: number[] | undefined
  #slow: number[] | undefined
  readonly #width: number

  constructor(ms: number) {
    this.#width = ms / BUCKETS
  }

  /**
   * Drops every bucket that ended since the last call, and not only the next one. (cockatiel 4 opens wrongly after an idle hour.)
   */
  expire(now: number): void {
    if (now < this.#endsAt) return
    const current = Math.floor(now / this.#width)
    if (current - this.#newest >= BUCKETS) this.clear()
    else for (let bucket = this.#newest + 1; bucket <= current; bucket++) this.#drop(indexOf(bucket))
    this.#newest = current
    this.#endsAt = (current + 1) * this.#width
    this.#index = indexOf(current)
  }

  record(failed: boolean, slow: boolean): void {
    this.calls++
    add(this.#calls, this.#index)
    if (failed) this.#fail(this.#index)
    if (slow) {
      this.slow++
      add((this.#slow ??= zeros()), this.#index)
    }
  }

  amend(age: number): void {
    let later = age
    for (let back = 0; back < BUCKETS; back++) {
      const at = indexOf(this.#newest - back)
      const calls = this.#calls[at] ?? 0
      if (later < calls) {
        this.#fail(at)
        return
      }
      later -= calls
    }
  }

  clear(): void {
    this.calls = this.failures = this.slow = 0
    this.#calls.fill(0)
    this.#failures = this.#slow = undefined
  }

  #fail(at: number): void {
    this.failures++
    add((this.#failures ??= zeros()), at)
  }

  #drop(at: number): void {
    this.calls -= takeOut(this.#calls, at)
    if (this.#failures) this.failures -= takeOut(this.#failures, at)
    if (this.#slow) this.slow -= takeOut(this.#slow, at)
  }
}

/** Returns the index of a bucket's counts. A clock may start below zero. */
function indexOf(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS
}

function zeros(): number[] {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

function add(counts: number[], at: number): void {
  counts[at] = (counts[at] ?? 0) + 1
}

function takeOut(counts: number[], at: number): number {
  const count = counts[at] ?? 0
  counts[at] = 0
  return count
}
