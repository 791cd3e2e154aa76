import type { BreakerWindow } from './policy.ts'

/** The results a rate is taken over. Each kind counts exactly, in O(1) per result. */
export interface Window {
  readonly calls: number
  readonly failures: number
  readonly slow: number
  /** Forgets what is too old by `now`. */
  expire(now: number): void
  record(failed: boolean, slow: boolean): void
  /** Turns the success that was recorded `age` results ago (0: the last) into a failure, if still held. */
  amend(age: number): void
  clear(): void
}

export function createWindow(window: BreakerWindow): Window {
  return 'calls' in window ? new CountWindow(window.calls) : new TimeWindow(window.ms)
}

const FAILED = 1
const SLOW = 2

/** The last `size` results, two bits each, allocated with the first one. */
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

/** Ten buckets of equal width; the oldest one goes as a whole when a new one begins. */
class TimeWindow implements Window {
  calls = 0
  failures = 0
  slow = 0
  #newest = -Infinity
  /** Calls, failures and slow calls of each bucket, one after the other. */
  readonly #counts: number[] = Array.from({ length: 3 * BUCKETS }, () => 0)
  readonly #width: number

  constructor(ms: number) {
    this.#width = ms / BUCKETS
  }

  /** Every bucket that began since the last touch, not only the next one: cockatiel 4 trips after idle hours. */
  expire(now: number): void {
    const current = Math.floor(now / this.#width)
    if (current - this.#newest >= BUCKETS) this.clear()
    else for (let bucket = this.#newest + 1; bucket <= current; bucket++) this.#drop(offset(bucket))
    this.#newest = current
  }

  record(failed: boolean, slow: boolean): void {
    const at = offset(this.#newest)
    this.calls++
    this.#add(at, 1)
    if (failed) {
      this.failures++
      this.#add(at + 1, 1)
    }
    if (slow) {
      this.slow++
      this.#add(at + 2, 1)
    }
  }

  amend(age: number): void {
    let later = age
    for (let back = 0; back < BUCKETS; back++) {
      const at = offset(this.#newest - back)
      const calls = this.#counts[at] ?? 0
      if (later < calls) {
        this.failures++
        this.#add(at + 1, 1)
        return
      }
      later -= calls
    }
  }

  clear(): void {
    this.calls = this.failures = this.slow = 0
    this.#counts.fill(0)
  }

  #add(index: number, by: number): void {
    this.#counts[index] = (this.#counts[index] ?? 0) + by
  }

  #drop(at: number): void {
    this.calls -= this.#counts[at] ?? 0
    this.failures -= this.#counts[at + 1] ?? 0
    this.slow -= this.#counts[at + 2] ?? 0
    this.#counts.fill(0, at, at + 3)
  }
}

/** Where a bucket's counts begin; a clock may start below zero. */
function offset(bucket: number): number {
  return 3 * (((bucket % BUCKETS) + BUCKETS) % BUCKETS)
}
