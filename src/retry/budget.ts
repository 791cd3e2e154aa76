import type { Clock } from '../clock.ts'
import { checkNumber, checkObject } from '../options.ts'

/** How many retries and hedges a client may make, in proportion to its requests. */
export interface BudgetOptions {
  /** The number of retries and hedges allowed per request, over the last ten seconds. @default 0.1 */
  ratio?: number
  /** The number of retries and hedges per second that are always allowed, even with few requests. @default 1 */
  minPerSecond?: number
}

const BUCKETS = 10
const BUCKET_MS = 1000

/**
 * The budget of one client for retries and hedges: a share of its recent requests, or a fixed minimum if that is more.
 * It counts requests, not concurrency, so a retry is charged before it waits for its backoff (Envoy #30205).
 */
export class Budget {
  readonly #ratio: number
  readonly #floor: number
  readonly #clock: Clock
  readonly #requests = new Float64Array(BUCKETS)
  readonly #spent = new Float64Array(BUCKETS)
  #requestSum = 0
  #spentSum = 0
  #bucket: number

  constructor(options: BudgetOptions, clock: Clock, name: string = 'budget') {
    checkObject(name, options, ['ratio', 'minPerSecond'])
    const { ratio = 0.1, minPerSecond = 1 } = options
    this.#ratio = checkNumber(`${name}.ratio`, ratio)
    this.#floor = (checkNumber(`${name}.minPerSecond`, minPerSecond) * BUCKETS * BUCKET_MS) / 1000
    this.#clock = clock
    this.#bucket = Math.floor(clock.now() / BUCKET_MS)
  }

  /** Counts a request. */
  deposit(now: number = this.#clock.now()): void {
    this.#requests[this.#turn(now)]! += 1
    this.#requestSum++
  }

  /** Charges one retry or hedge and returns true. Returns false if the budget does not allow it. */
  withdraw(): boolean {
    const bucket = this.#turn(this.#clock.now())
    if (this.#spentSum + 1 > Math.max(this.#requestSum * this.#ratio, this.#floor)) return false
    this.#spent[bucket]! += 1
    this.#spentSum++
    return true
  }

  /** How many retries or hedges may be made now. */
  get left(): number {
    this.#turn(this.#clock.now())
    const allowed = Math.max(this.#requestSum * this.#ratio, this.#floor)
    return allowed === Infinity ? Number.MAX_SAFE_INTEGER : Math.max(Math.floor(allowed) - this.#spentSum, 0)
  }

  /** Clears the buckets that have left the window. Returns the current one. */
  #turn(now: number): number {
    const bucket = Math.floor(now / BUCKET_MS)
    const elapsed = Math.min(bucket - this.#bucket, BUCKETS)
    for (let i = 1; i <= elapsed; i++) {
      const old = (this.#bucket + i) % BUCKETS
      this.#requestSum -= this.#requests[old]!
      this.#spentSum -= this.#spent[old]!
      this.#requests[old] = 0
      this.#spent[old] = 0
    }
    this.#bucket = bucket
    return bucket % BUCKETS
  }
}
