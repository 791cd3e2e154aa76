import type { Socket } from 'node:net'
import type { Clock } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import { Agent, type Dispatcher } from '../../undici.ts'
import { abortable } from '../shared/abortable.ts'
import { redactUrl } from '../origin.ts'
import { textOf } from './body.ts'
import { connector, type TlsSource } from './connector.ts'
import { MAX_ANSWER } from './json-lines.ts'

export { jsonLines } from './json-lines.ts'

export interface RegistryHttpOptions {
  /** Begins every error message. */
  readonly name: string
  readonly clock: Clock
  /** Milliseconds until an answer must be complete (a stream: until its headers are there). */
  readonly timeout: number
  readonly tls?: TlsSource | undefined
  /** Blotted out of every error message; may grow. */
  readonly secrets?: ReadonlySet<string>
  /** Headers that say who asks; asked before each request, because credentials change. */
  readonly authorize?: (() => Promise<Record<string, string>>) | undefined
  /**
   * How many connections may be open at once. With more than one, undici opens a second for a request that follows at
   * once, and registries count them.
   * @default 1
   */
  readonly connections?: number
  /**
   * How long a connection is kept without a request, in ms.
   * @default 4_000
   */
  readonly keepAlive?: number
  /**
   * Bytes that an answer may have, as it comes and unpacked.
   * @default 64 MiB
   */
  readonly maxAnswerSize?: number | undefined
}

export interface RegistryRequest {
  readonly method?: Dispatcher.HttpMethod
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Overrides the options' timeout. */
  readonly timeout?: number
  /** Does not keep the process alive while it waits. */
  readonly background?: boolean
  readonly signal: AbortSignal
}

export interface RegistryReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** A registry answered, but not with what it was asked for. */
export class RegistryAnswerError extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }

  static {
    this.prototype.name = 'RegistryAnswerError'
  }
}

/** HTTP to a registry on connections of its own, which are gone when it is closed. */
export class RegistryHttp {
  readonly #options: RegistryHttpOptions
  readonly #sockets = new Set<Socket>()
  readonly #agent: Agent
  readonly #max: number

  constructor(options: RegistryHttpOptions) {
    this.#options = options
    this.#max = options.maxAnswerSize ?? MAX_ANSWER
    // Our own deadlines stand in for undici's, which are coarse to a second.
    const connect = connector(this.#sockets, options.tls)
    const { connections = 1, keepAlive = 4_000 } = options
    this.#agent = new Agent({
      headersTimeout: 0,
      bodyTimeout: 0,
      connections,
      keepAliveTimeout: keepAlive,
      keepAliveMaxTimeout: Math.max(keepAlive, 600_000),
      connect,
    })
  }

  /** The whole answer, whatever its status. */
  send(url: string, request: RegistryRequest): Promise<RegistryReply> {
    return this.#within(url, request, async (signal) => {
      const { statusCode, headers, body } = await this.#dispatch(url, request, signal)
      return { status: statusCode, headers, text: await textOf(headers['content-encoding'], body, this.#max) }
    })
  }

  /** An answer's JSON; anything else throws. */
  json(url: string, request: RegistryRequest, reply: RegistryReply): unknown {
    try {
      return JSON.parse(reply.text)
    } catch {
      throw this.failure(url, request, reply)
    }
  }

  /** The body as it comes, until `request.signal` aborts; an answer other than 200 throws. */
  stream(url: string, request: RegistryRequest): Promise<AsyncIterable<Uint8Array>> {
    return this.#within(url, request, async (signal) => {
      const { statusCode, headers, body } = await this.#dispatch(url, request, signal)
      if (statusCode === 200) return body
      throw this.failure(url, request, {
        status: statusCode,
        headers,
        text: await textOf(headers['content-encoding'], body, this.#max),
      })
    })
  }

  /** An error that says what was answered instead. */
  failure(url: string, { method = 'GET' }: RegistryRequest, { status, headers, text }: RegistryReply): Error {
    const { location } = headers
    // Redirects are not followed: the credentials would go along. Whoever reads this wants to know the right url.
    const redirect = typeof location === 'string' ? `redirected to ${redactUrl(location)}` : ''
    const detail = redirect || this.#redact(text.trim()).slice(0, 300)
    return new RegistryAnswerError(
      `${this.#options.name}: ${method} ${this.#redact(url)}: ${status}${detail && `: ${detail}`}`,
      status,
    )
  }

  async close(): Promise<void> {
    const closed = new Error(`${this.#options.name}: closed`)
    // undici would wait for sockets which are still connecting.
    for (const socket of this.#sockets) socket.destroy(closed)
    await this.#agent.destroy(closed)
  }

  async #dispatch(
    url: string,
    request: RegistryRequest,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { origin, pathname, search } = new URL(url)
    const own = await this.#options.authorize?.()
    signal.throwIfAborted()
    const { method = 'GET', headers, body = null } = request
    return this.#agent.request({
      origin,
      path: pathname + search,
      method,
      headers: own ? { ...headers, ...own } : (headers ?? null),
      body,
      signal,
    })
  }

  async #within<T>(
    url: string,
    { method = 'GET', timeout = this.#options.timeout, background = false, signal }: RegistryRequest,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const deadline = new AbortController()
    const settled = new AbortController()
    // No socket here keeps the process alive, so this timer does while somebody waits for the answer.
    this.#options.clock.sleep(timeout, settled.signal, { ref: !background }).then(
      () => deadline.abort(timeoutError(`no answer within ${timeout} ms`)),
      () => {},
    )
    try {
      return await abortable(AbortSignal.any([signal, deadline.signal]), run)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof RegistryAnswerError) throw error
      const reason = error instanceof Error ? error.message || Reflect.get(error, 'code') : error
      const message = `${this.#options.name}: ${method} ${this.#redact(url)}: ${this.#redact(String(reason))}`
      throw new Error(message, { cause: error })
    } finally {
      settled.abort()
    }
  }

  #redact(text: string): string {
    let redacted = text
    for (const secret of this.#options.secrets ?? []) {
      if (secret !== '') redacted = redacted.replaceAll(secret, '***')
    }
    return redacted
  }
}

/** Runs `use` on connections of its own. */
export async function withHttp<T>(
  options: RegistryHttpOptions,
  use: (http: RegistryHttp) => Promise<T>,
): Promise<T> {
  const http = new RegistryHttp(options)
  try {
    return await use(http)
  } finally {
    await http.close()
  }
}
