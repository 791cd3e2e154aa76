import { isRegExp } from 'node:util/types'
import { checkKind } from './kind.ts'
import { checkHeaderName, checkNumber, checkObject, checkRecord, quote } from '../options.ts'

/** What the answer to a health request must be. */
export interface HealthExpectation {
  /** The statuses that pass. @default 200 to 299 */
  status?: number | readonly number[]
  /**
   * What the first 16 KiB of the body must contain: a text, or a match of the RegExp. @default anything; the
   * body is not read
   */
  body?: string | RegExp
}

/**
 * Health checks of each instance, in addition to calls. One of `path`, `tcp` and `grpc` selects the kind of
 * check.
 */
export interface HealthOptions {
  /** The path to request with GET, such as `'/healthz'`. Redirects are not followed. */
  path?: string
  /** Checks by opening a TCP connection. Nothing is sent. */
  tcp?: true
  /**
   * Checks by calling `grpc.health.v1.Health/Check` over HTTP/2, for the complete server or for one of its
   * services. `SERVING` passes. With `http://`, the server must accept HTTP/2 with prior knowledge (RFC 9113),
   * as gRPC servers do.
   *
   * @example
   * grpc: { service: 'users.v1.Users' }
   */
  grpc?: true | { readonly service: string }
  /**
   * Time between two checks of an instance, in ms, ± 20 %. It is longer for a client with many instances,
   * because a client makes at most ten checks per second.
   * @default 10_000
   */
  interval?: number
  /**
   * How long a check may take, in ms, from connecting until the needed part of the answer is read. @default
   * 2_000, or the interval if that is less
   */
  timeout?: number
  /** How many checks in a row must pass before an unhealthy instance becomes healthy. @default 2 */
  healthyThreshold?: number
  /** How many checks in a row must fail before an instance becomes unhealthy. @default 3 */
  unhealthyThreshold?: number
  /** @default { status: 200 to 299 } */
  expect?: HealthExpectation
  /** The port to check, if it is not that of the instance. */
  port?: number
  /** Headers of a health request. The client's option `headers` does not apply to it. @default none */
  headers?: Readonly<Record<string, string>>
  /**
   * The state of an instance until its first check. An `'unhealthy'` one is picked only when no better one is
   * available. @default 'healthy'
   */
  initial?: 'healthy' | 'unhealthy'
}

export interface HealthPolicy {
  /** The path to request. If path and grpc are undefined, a check only opens a TCP connection. */
  readonly path: string | undefined
  /** The service to check over gRPC. Empty for the complete server. */
  readonly grpc: string | undefined
  readonly interval: number
  readonly timeout: number
  readonly healthyThreshold: number
  readonly unhealthyThreshold: number
  readonly expects: (status: number) => boolean
  /** Tests the body. If undefined, the body is not read. */
  readonly bodyPasses: ((body: string) => boolean) | undefined
  readonly port: number | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly startsHealthy: boolean
}

const OPTIONS: Readonly<Record<keyof HealthOptions, true>> = {
  path: true,
  tcp: true,
  grpc: true,
  interval: true,
  timeout: true,
  healthyThreshold: true,
  unhealthyThreshold: true,
  expect: true,
  port: true,
  headers: true,
  initial: true,
}

export function healthPolicy(options: HealthOptions): HealthPolicy {
  checkObject('health', options, Object.keys(OPTIONS), 'an object or false')
  const {
    interval = 10_000,
    healthyThreshold = 2,
    unhealthyThreshold = 3,
    initial = 'healthy',
    port,
  } = options
  const { timeout = Math.min(2_000, interval) } = options
  const { path, grpc } = checkKind(options)
  const expect = options.expect ?? {}
  checkObject('health.expect', expect, ['status', 'body'])
  if (initial !== 'healthy' && initial !== 'unhealthy') {
    throw new TypeError(`health.initial must be 'healthy' or 'unhealthy', got ${quote(initial)}`)
  }
  checkNumber('health.interval', interval, { min: 100, max: MAX_MS })
  return Object.freeze({
    path,
    grpc,
    interval,
    timeout: checkNumber('health.timeout', timeout, { exclusive: true, max: MAX_MS }),
    healthyThreshold: checkThreshold('health.healthyThreshold', healthyThreshold),
    unhealthyThreshold: checkThreshold('health.unhealthyThreshold', unhealthyThreshold),
    expects: statuses(expect.status),
    bodyPasses: bodyTest(expect.body),
    port:
      port === undefined
        ? undefined
        : checkNumber('health.port', port, { min: 1, max: 65_535, integer: true }),
    headers: headersOf(options.headers ?? {}, grpc !== undefined),
    startsHealthy: initial === 'healthy',
  })
}

/** One day, in ms. A longer time is most likely in the wrong unit. */
const MAX_MS = 86_400_000

function checkThreshold(name: string, value: unknown): number {
  return checkNumber(name, value, { min: 1, max: 1_000, integer: true })
}

function statuses(status: HealthExpectation['status']): (status: number) => boolean {
  if (status === undefined) return (given) => given >= 200 && given < 300
  const list: readonly unknown[] = Array.isArray(status) ? status : [status]
  if (list.length === 0) throw new TypeError('health.expect.status must name a status, got an empty list')
  const known = new Set(
    list.map((each) => checkNumber('health.expect.status', each, { min: 200, max: 999, integer: true })),
  )
  return (given) => known.has(given)
}

function bodyTest(body: unknown): ((body: string) => boolean) | undefined {
  if (body === undefined) return undefined
  if (typeof body === 'string' && body !== '') return (text) => text.includes(body)
  if (isRegExp(body)) {
    // Without the flags g and y, with which a RegExp keeps its last position.
    const pattern = new RegExp(body.source, body.flags.replaceAll(/[gy]/g, ''))
    return (text) => pattern.test(text)
  }
  throw new TypeError(`health.expect.body must be a text or a RegExp, got ${quote(body)}`)
}

function headersOf(headers: unknown, isGrpc: boolean): Readonly<Record<string, string>> {
  checkRecord('health.headers', headers, 'an object of header names and values')
  const entries = Object.entries(headers).map(([name, value]: [string, unknown]): [string, string] => {
    const lower = checkHeaderName('health.headers', name)
    if (REFUSED.has(lower)) throw new TypeError(`health.headers cannot have ${lower}`)
    if (isGrpc && GRPC.test(lower)) throw new TypeError(`health.headers cannot have ${lower} with grpc`)
    if (typeof value !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw new TypeError(`health.headers['${name}'] must be a string of characters that a header allows`)
    }
    return [lower, value]
  })
  return Object.freeze(Object.fromEntries(entries))
}

/** Headers that define the framing of a message, or how the connection ends. Checks set them themselves. */
const REFUSED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

/** Headers that gRPC sends itself. */
const GRPC = /^(?:te|content-type|grpc-.*)$/
