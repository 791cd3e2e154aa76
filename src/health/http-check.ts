import type { Dispatcher, Pool } from '../undici.ts'
import { checkClientMaker, startCheck, type CheckHost } from './check-client.ts'
import type { Check, CheckResult } from './health.ts'
import type { HealthPolicy } from './policy.ts'
import { failed, PASS, paused, type AnswerHeaders } from './result.ts'

/** How many bytes of a body are read. */
const MAX_BODY = 16_384
type Handler = Dispatcher.DispatchHandler

/** Checks by GET requests, each on a new connection. */
export function httpCheck(policy: HealthPolicy, transport: Pool.Options, logical: CheckHost): Check {
  const makeClient = checkClientMaker(policy, transport)
  const headers = { 'user-agent': 'outrigger-health', host: logical.host, ...policy.headers }
  return (url, done) => {
    const { client, origin, end } = makeClient(url)
    return startCheck(end, done, (finish) => {
      const request = {
        origin,
        path: policy.path ?? '/',
        method: 'GET' as const,
        headers,
        reset: true,
        ...(policy.headers['host'] === undefined && { servername: logical.servername }),
      }
      client.dispatch(request, new Answer(policy, finish))
    })
  }
}

/** Reads only as much of the answer as the check needs. */
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

  onResponseStart(_controller: unknown, status: number, headers: AnswerHeaders): void {
    if (status < 200) return
    this.#status = status
    if (!this.#policy.expects(status)) {
      this.#finish(status === 429 ? paused(headers) : failed({ reason: 'status', status }))
    } else if (!this.#policy.bodyPasses) this.#finish(PASS)
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
    const isRight = this.#policy.bodyPasses?.(text) ?? true
    this.#finish(isRight ? PASS : failed({ reason: 'body', status: this.#status }))
  }
}
