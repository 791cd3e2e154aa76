import { isRegExp } from 'node:util/types'
import { checkKind } from './kind.ts'
import { checkHeaderName, checkNumber, checkObject, checkRecord, quote } from '../options.ts'

/** What an answer to a health request must be. */
export interface HealthExpectation {
  /** The statuses that pass. @default 200 to 299 */
  status?: number | readonly number[]
  /** What the first 16 KiB of the body must hold: a text, or what matches. @default anything: the body is not read */
  body?: string | RegExp
}

/** Health requests to each instance, beside the calls. One of `path`, `tcp` and `grpc` says what a check is. */
export interface HealthOptions {
  /** The path that is asked with GET, `'/healthz'`. Redirects are not followed. */
  path?: string
  /** A check is a TCP connection, and nothing is sent over it. */
  tcp?: true
  /**
   * A check is a call of `grpc.health.v1.Health/Check` over HTTP/2, and `SERVING` passes: about the server as a whole, or about one of
   * its services. Over `http://` the server must take HTTP/2 with prior knowledge, as gRPC servers do.
   *
   * @example
   * grpc: { service: 'users.v1.Users' }
   */
  grpc?: true | { readonly service: string }
  /**
   * Milliseconds between two checks of an instance, more or less by a fifth. Longer where a client has many instances: it makes ten
   * checks a second at most.
   * @default 10_000
   */
  interval?: number
  /** Milliseconds for a check, from connecting to the end of what is read. @default 2_000 */
  timeout?: number
  /** Checks that must pass in a row before an unhealthy instance is healthy. @default 2 */
  healthyThreshold?: number
  /** Checks that must fail in a row before an instance is unhealthy. @default 3 */
  unhealthyThreshold?: number
  /** @default { status: 200 to 299 } */
  expect?: HealthExpectation
  /** The port that is asked, where it is not that of the instance. */
  port?: number
  /** Headers of a health request. None of the client's own option `headers` is sent. @default none */
  headers?: Readonly<Record<string, string>>
  /** What an instance is held for until its first check: `'unhealthy'` is picked only when nobody better is there. @default 'healthy' */
  initial?: 'healthy' | 'unhealthy'
}

export interface HealthPolicy {
  /** How it is asked; undefined for both: a TCP connection is all. */
  readonly path: string | undefined
  /** The service that is asked for over gRPC; empty for the server as a whole. */
  readonly grpc: string | undefined
  readonly interval: number
  readonly timeout: number
  readonly healthyThreshold: number
  readonly unhealthyThreshold: number
  readonly expects: (status: number) => boolean
  /** Undefined: the body is not read. */
  readonly holds: ((body: string) => boolean) | undefined
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
  checkNumber('health.interval', interval, { min: 100, max: MOST })
  return Object.freeze({
    path,
    grpc,
    interval,
    timeout: checkNumber('health.timeout', timeout, { exclusive: true, max: MOST }),
    healthyThreshold: checkThreshold('health.healthyThreshold', healthyThreshold),
    unhealthyThreshold: checkThreshold('health.unhealthyThreshold', unhealthyThreshold),
    expects: statuses(expect.status),
    holds: bodyTest(expect.body),
    port:
      port === undefined
        ? undefined
        : checkNumber('health.port', port, { min: 1, max: 65_535, integer: true }),
    headers: headersOf(options.headers ?? {}, grpc !== undefined),
    startsHealthy: initial === 'healthy',
  })
}

/** A day, in ms: a longer time is a mistake in the unit. */
const MOST = 86_400_000

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
    // Without g and y, which remember where they stopped.
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
      throw new TypeError(`health.headers['${name}'] must be a string that a header may hold`)
    }
    return [lower, value]
  })
  return Object.freeze(Object.fromEntries(entries))
}

/** They say how a message is framed, or end the connection in another way than ours. */
const REFUSED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

/** What gRPC itself sends. */
const GRPC = /^(?:te|content-type|grpc-.*)$/
