import { Client, type Dispatcher, type Pool } from '../undici.ts'
import { retryAfter } from '../verdict/retry-after.ts'
import type { CheckFailure } from '../observe/events.ts'
import type { CheckResult } from './health.ts'
import { quietConnector } from './connector.ts'
import type { HealthPolicy } from './policy.ts'
import { targetOf } from './target.ts'

/** Starts a check of the instance at `url`; `done` is called once, unless the returned function ends it first. */
export type Check = (url: string, done: (result: CheckResult) => void) => () => void

/** Whom the check asks for, as calls do. */
export interface CheckHost {
  readonly host: string
  readonly servername: string
}

/** As much of a body is read. */
const MAX_BODY = 16_384
/** A 429 asks for this many ms, or for more with Retry-After; one of days is not meant. */
const PAUSE = 60_000
const MAX_PAUSE = 600_000

const PASS: CheckResult = Object.freeze({ outcome: 'pass' })

type Handler = Dispatcher.DispatchHandler

/**
 * Checks by GET requests, each on a connection of its own: it proves that the server takes connections, leaves none behind and meets
 * none that the server is about to close.
 */
export function httpCheck(policy: HealthPolicy, transport: Pool.Options, logical: CheckHost): Check {
  const connectors = new Map<string | undefined, ReturnType<typeof quietConnector>>()
  const connectorTo = (socketPath: string | undefined): ReturnType<typeof quietConnector> => {
    // A unix socket's path is part of a connector.
    let connector = connectors.get(socketPath)
    if (!connector) {
      connector = quietConnector({ ...transport, ...(socketPath && { socketPath }) }, policy.timeout)
      if (socketPath === undefined) connectors.set(socketPath, connector)
    }
    return connector
  }
  const headers = { 'user-agent': 'outrigger-health', host: logical.host, ...policy.headers }
  return (url, done) => {
    const { origin, socketPath } = targetOf(url, policy.port)
    const client = new Client(origin, {
      connect: connectorTo(socketPath),
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(transport.maxHeaderSize !== undefined && { maxHeaderSize: transport.maxHeaderSize }),
      ...(transport.localAddress != null && { localAddress: transport.localAddress }),
    })
    const end = (): void => void client.destroy().catch(() => {})
    let isOver = false
    const finish = (result: CheckResult): void => {
      if (isOver) return
      isOver = true
      end()
      done(result)
    }
    const request = {
      origin,
      path: policy.path ?? '/',
      method: 'GET' as const,
      headers,
      reset: true,
      ...(policy.headers['host'] === undefined && { servername: logical.servername }),
    }
    client.dispatch(request, new Answer(policy, finish))
    return () => {
      isOver = true
      end()
    }
  }
}

/** Looks at an answer, and at no more of it than it needs. */
class Answer implements Handler {
  readonly #policy: HealthPolicy
  readonly #finish: (result: CheckResult) => void
  readonly #pieces: Buffer[] = []
  #size = 0
  #status = 0

  constructor(policy: HealthPolicy, finish: (result: CheckResult) => void) {
    this.#policy = policy
    this.#finish = finish
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: unknown,
    status: number,
    headers: Parameters<NonNullable<Handler['onResponseStart']>>[2],
  ): void {
    if (status < 200) return
    this.#status = status
    if (!this.#policy.expects(status)) {
      this.#finish(status === 429 ? paused(headers) : failed({ reason: 'status', status }))
    } else if (!this.#policy.holds) this.#finish(PASS)
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    if (this.#size >= MAX_BODY) return
    this.#pieces.push(chunk)
    this.#size += chunk.length
    if (this.#size >= MAX_BODY) this.#judge()
  }

  onResponseEnd(): void {
    this.#judge()
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#finish(failed({ reason: 'error', error }))
  }

  #judge(): void {
    const text = Buffer.concat(this.#pieces).subarray(0, MAX_BODY).toString()
    const isRight = this.#policy.holds?.(text) ?? true
    this.#finish(isRight ? PASS : failed({ reason: 'body', status: this.#status }))
  }
}

function failed(failure: CheckFailure): CheckResult {
  return { outcome: 'fail', failure }
}

/** The server has too much to do, and says nothing about its health. */
function paused(headers: Parameters<NonNullable<Handler['onResponseStart']>>[2]): CheckResult {
  const wish = retryAfter(headers['retry-after'], headers['date'], 0)
  return { outcome: 'none', pause: Math.min(Math.max(wish, PAUSE), MAX_PAUSE) }
}
