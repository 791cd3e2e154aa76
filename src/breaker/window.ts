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
  /** When the newest bucket is full, and where its counts are. */
  #endsAt = -Infinity
  #at = 0
  readonly #calls: number[] = zeros()
  /** Made when there is something to count: most breakers never see either. */
  #failures: number[] | undefined
  #slow: number[] | undefined
  readonly #width: number

  constructor(ms: number) {
    this.#width = ms / BUCKETS
  }

  /** Every bucket that began since the last touch, not only the next one: cockatiel 4 trips after idle hours. */
  expire(now: number): void {
    if (now < this.#endsAt) return
    const current = Math.floor(now / this.#width)
    if (current - this.#newest >= BUCKETS) this.clear()
    else for (let bucket = this.#newest + 1; bucket <= current; bucket++) this.#drop(place(bucket))
    this.#newest = current
    this.#endsAt = (current + 1) * this.#width
    this.#at = place(current)
  }

  record(failed: boolean, slow: boolean): void {
    this.calls++
    add(this.#calls, this.#at)
    if (failed) this.#fail(this.#at)
    if (slow) {
      this.slow++
      add((this.#slow ??= zeros()), this.#at)
    }
  }

  amend(age: number): void {
    let later = age
    for (let back = 0; back < BUCKETS; back++) {
      const at = place(this.#newest - back)
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
    this.calls -= take(this.#calls, at)
    if (this.#failures) this.failures -= take(this.#failures, at)
    if (this.#slow) this.slow -= take(this.#slow, at)
  }
}

/** Where a bucket's counts are; a clock may start below zero. */
function place(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS
}

function zeros(): number[] {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

function add(counts: number[], at: number): void {
  counts[at] = (counts[at] ?? 0) + 1
}

function take(counts: number[], at: number): number {
  const count = counts[at] ?? 0
  counts[at] = 0
  return count
}
