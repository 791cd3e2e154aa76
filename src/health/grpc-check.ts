import type { Dispatcher, Pool } from '../undici.ts'
import { checkClientMaker, startCheck, type CheckHost } from './check-client.ts'
import { healthRequest, servingStatus, statusName } from './grpc-message.ts'
import type { Check, CheckResult } from './health.ts'
import type { HealthPolicy } from './policy.ts'
import { failed, PASS, paused, type AnswerHeaders } from './result.ts'

/** How many bytes of a body are read. A normal answer has 7 bytes. */
const MAX_BODY = 4_096

const OK = 0
const RESOURCE_EXHAUSTED = 8

type Handler = Dispatcher.DispatchHandler

/**
 * Checks by `grpc.health.v1.Health/Check`, each on a new HTTP/2 connection. HTTP/2 is negotiated by ALPN over
 * TLS, and used with prior knowledge otherwise (RFC 9113, section 3.3).
 */
export function grpcCheck(policy: HealthPolicy, transport: Pool.Options, logical: CheckHost): Check {
  const { connect } = transport
  const makeClient = checkClientMaker(policy, {
    ...transport,
    ...HTTP2,
    ...(typeof connect === 'object' && { connect: { ...connect, ...HTTP2 } }),
  })
  const body = healthRequest(policy.grpc ?? '')
  const headers = {
    'user-agent': 'outrigger-health',
    host: logical.host,
    ...policy.headers,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': `${Math.ceil(policy.timeout)}m`,
  }
  return (url, done) => {
    const { client, origin, end } = makeClient(url)
    return startCheck(end, done, (finish) => {
      const request = {
        origin,
        path: '/grpc.health.v1.Health/Check',
        method: 'POST' as const,
        headers,
        body,
        ...(policy.headers['host'] === undefined && { servername: logical.servername }),
      }
      client.dispatch(request, new Answer(finish))
    })
  }
}

/** undici supports `preferH2` and `useH2c`, but the types of its pool omit them. */
const HTTP2: Pool.Options & { readonly preferH2: boolean; readonly useH2c: boolean } = {
  allowH2: true,
  preferH2: true,
  useH2c: true,
}

/** The answer to a unary call: a message and a status in the trailers, or only a status in the headers. */
class Answer implements Handler {
  readonly #finish: (result: CheckResult) => void
  readonly #pieces: Buffer[] = []
  #size = 0
  #status: string | undefined

  constructor(finish: (result: CheckResult) => void) {
    this.#finish = finish
  }

  onRequestStart(): void {}

  onResponseStart(_controller: unknown, status: number, headers: AnswerHeaders): void {
    if (status < 200) return
    if (status === 429) this.#finish(paused(headers))
    else if (status !== 200) this.#finish(failed({ reason: 'status', status }))
    else this.#status = textOf(headers['grpc-status'])
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#pieces.push(chunk)
    this.#size += chunk.length
    if (this.#size > MAX_BODY) this.#broken(new Error(`the gRPC answer is longer than ${MAX_BODY} bytes`))
  }

  onResponseEnd(_controller: unknown, trailers: AnswerHeaders): void {
    const status = textOf(trailers['grpc-status']) ?? this.#status
    if (status === undefined || !/^\d{1,3}$/.test(status)) {
      return this.#broken(new Error('the answer has no grpc-status, so it is not from a gRPC server'))
    }
    const code = Number(status)
    if (code === RESOURCE_EXHAUSTED) this.#finish(paused(trailers))
    else if (code !== OK) this.#finish(failed({ reason: 'grpc', grpc: statusName(code) }))
    else this.#judge()
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#broken(error)
  }

  #judge(): void {
    try {
      const serving = servingStatus(Buffer.concat(this.#pieces))
      this.#finish(serving === 'SERVING' ? PASS : failed({ reason: 'grpc', grpc: serving }))
    } catch (error) {
      this.#broken(error)
    }
  }

  #broken(error: unknown): void {
    this.#finish(failed({ reason: 'error', error }))
  }
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
