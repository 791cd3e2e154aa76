import type { Socket } from 'node:net'
import type { Clock } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import { Agent, type Dispatcher } from '../../undici.ts'
import { abortable } from '../shared/abortable.ts'
import { redactUrl } from '../origin.ts'
import { textOf } from './body.ts'
import { connector, type TlsSource } from './connector.ts'
import { jsonLines, MAX_ANSWER } from './json-lines.ts'

export interface RegistryHttpOptions {
  /** The first word of every error message. */
  readonly name: string
  readonly clock: Clock
  /** How long a complete answer may take, in ms. For a stream, how long its headers may take. */
  readonly timeout: number
  readonly tls?: TlsSource | undefined
  /** Secrets to redact in every error message. The set may grow. */
  readonly secrets?: ReadonlySet<string>
  /** Returns the authentication headers. Called before each request, because credentials may change. */
  readonly authorize?: (() => Promise<Record<string, string>>) | undefined
  /**
   * How many connections may be open at once. If more than one is allowed, undici opens a second one when two
   * requests follow each other directly, and registries limit the number of connections.
   * @default 1
   */
  readonly connections?: number
  /**
   * How long an idle connection is kept, in ms.
   * @default 4_000
   */
  readonly keepAlive?: number
  /**
   * The maximum size of an answer in bytes, both compressed and decompressed.
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
  /** Whether the process may end while the request is in progress. */
  readonly background?: boolean
  readonly signal: AbortSignal
}

export interface RegistryReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** A registry answered with an unexpected status or content. */
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

/** Sends HTTP requests to a registry on separate connections. `close()` closes them. */
export class RegistryHttp {
  readonly #options: RegistryHttpOptions
  readonly #sockets = new Set<Socket>()
  readonly #agent: Agent
  readonly #max: number

  constructor(options: RegistryHttpOptions) {
    this.#options = options
    this.#max = options.maxAnswerSize ?? MAX_ANSWER
    // undici's timeouts are off because their resolution is one second. This class has a timeout for each
    // request.
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

  /** Returns the complete answer, whatever its status. */
  send(url: string, request: RegistryRequest): Promise<RegistryReply> {
    return this.#within(url, request, async (signal) => {
      const { statusCode, headers, body } = await this.#dispatch(url, request, signal)
      return { status: statusCode, headers, text: await textOf(headers['content-encoding'], body, this.#max) }
    })
  }

  /** Returns the JSON of an answer. Throws if it is not JSON. */
  json(url: string, request: RegistryRequest, reply: RegistryReply): unknown {
    try {
      return JSON.parse(reply.text)
    } catch {
      throw this.failure(url, request, reply)
    }
  }

  /** Returns the body as a stream, until `request.signal` aborts. Throws if the status is not 200. */
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

  /** Like `stream()`, but yields JSON documents, one per line. A line may have `maxAnswerSize` bytes. */
  async lines(url: string, request: RegistryRequest): Promise<AsyncIterable<unknown[]>> {
    return jsonLines(await this.stream(url, request), this.#max)
  }

  /** Makes an error that shows what the registry answered. */
  failure(url: string, { method = 'GET' }: RegistryRequest, { status, headers, text }: RegistryReply): Error {
    const { location } = headers
    // Redirects are not followed, because the credentials would be sent to the new url. The error names that
    // url.
    const redirect = typeof location === 'string' ? `redirected to ${redactUrl(location)}` : ''
    const detail = redirect || this.#redact(text.trim()).slice(0, 300)
    return new RegistryAnswerError(
      `${this.#options.name}: ${method} ${this.#redact(url)}: ${status}${detail && `: ${detail}`}`,
      status,
    )
  }

  async close(): Promise<void> {
    const closed = new Error(`${this.#options.name}: closed`)
    // undici would wait for sockets that are still connecting.
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
    // The sockets do not keep the process alive. If somebody waits for the answer, this timer does.
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

/** Runs `use` with a client, and closes its connections afterwards. */
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
