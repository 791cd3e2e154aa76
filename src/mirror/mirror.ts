import { checkNumber, checkObject } from '../options.ts'
import { testsOf, type TrafficRequest } from '../traffic/condition.ts'
import { subsetOf, type Subset } from '../traffic/subset.ts'
import type { MirrorOptions } from './options.ts'

/** Marks a copy. A request that has it is not copied again. */
export const MIRROR_HEADER = 'x-outrigger-mirror'

/** Their answers change nothing (RFC 9110 §9.2.1), so a copy does no harm. TRACE is not for clients. */
const METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What has become of the copies of a client or a route. */
export interface Copies {
  /** Under way. */
  inFlight: number
  /** In all. */
  sent: number
  /** Those that got no whole answer, or one with a status from 500 on. */
  failed: number
  /** Not sent, because too many were under way. */
  dropped: number
}

/** The option `mirror` of a client or a route: which requests are copied, and to whom. */
export class Mirror {
  readonly subset: Subset
  /** Milliseconds. */
  readonly timeout: number
  /** The part of the requests, 0 to 1. */
  readonly share: number
  /** Copies that may be under way at once. */
  readonly max: number
  readonly copies: Copies = { inFlight: 0, sent: 0, failed: 0, dropped: 0 }
  readonly #tests: readonly ((request: TrafficRequest) => boolean)[]

  /** Throws for options that make no sense. */
  constructor(options: MirrorOptions, name: string) {
    checkObject(name, options, ['when', 'to', 'share', 'max', 'timeout'])
    const { when = {}, to, share = 1, max = 16, timeout = 5_000 } = options
    this.#tests = testsOf(when, `${name}.when`)
    this.subset = subsetOf(to, `${name}.to`)
    this.share = (checkNumber(`${name}.share`, share, { max: 1 }) * (when.percent ?? 100)) / 100
    this.max = checkNumber(`${name}.max`, max, { min: 1, integer: true })
    this.timeout = checkNumber(`${name}.timeout`, timeout, { exclusive: true, max: 600_000 })
  }

  /** Whether the request is to be copied. */
  wants(request: TrafficRequest): boolean {
    if (!METHODS.has(request.method) || !this.#tests.every((test) => test(request))) return false
    if (request.header?.(MIRROR_HEADER) !== undefined) return false
    return this.share >= 1 || request.random() < this.share
  }
}
