import { checkNumber, checkObject } from '../options.ts'
import { testsOf, type TrafficRequest } from '../traffic/condition.ts'
import { subsetOf, type Subset } from '../traffic/subset.ts'
import type { MirrorOptions } from './options.ts'

/** The header that marks a copy. A request with this header is not copied again. */
export const MIRROR_HEADER = 'x-outrigger-mirror'

/**
 * The safe methods (RFC 9110, section 9.2.1), so a copy changes nothing. TRACE is left out, because clients should not
 * send it.
 */
const METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** The counters of the copies of a client or a route. */
export interface Copies {
  /** In flight now. */
  inFlight: number
  /** Sent since the start. */
  sent: number
  /** Copies without a complete response, or with a status of 500 or above. */
  failed: number
  /** Requests that were not copied, because the limit of copies in flight was reached. */
  dropped: number
}

/** The option `mirror` of a client or a route: which requests are copied, and to which instances. */
export class Mirror {
  readonly subset: Subset
  /** The timeout of a copy in milliseconds. */
  readonly timeout: number
  /** The fraction of the requests that is copied, 0 to 1. */
  readonly share: number
  /** The maximum number of copies in flight. */
  readonly max: number
  readonly copies: Copies = { inFlight: 0, sent: 0, failed: 0, dropped: 0 }
  readonly #tests: readonly ((request: TrafficRequest) => boolean)[]

  /** Throws if the options are not valid. */
  constructor(options: MirrorOptions, name: string) {
    checkObject(name, options, ['when', 'to', 'share', 'max', 'timeout'])
    const { when = {}, to, share = 1, max = 16, timeout = 5_000 } = options
    this.#tests = testsOf(when, `${name}.when`)
    this.subset = subsetOf(to, `${name}.to`)
    this.share = (checkNumber(`${name}.share`, share, { max: 1 }) * (when.percent ?? 100)) / 100
    this.max = checkNumber(`${name}.max`, max, { min: 1, integer: true })
    this.timeout = checkNumber(`${name}.timeout`, timeout, { exclusive: true, max: 600_000 })
  }

  /** True if the request must be copied. */
  wants(request: TrafficRequest): boolean {
    if (!METHODS.has(request.method) || !this.#tests.every((test) => test(request))) return false
    if (request.header?.(MIRROR_HEADER) !== undefined) return false
    return this.share >= 1 || request.random() < this.share
  }
}
