import { systemClock, type Clock } from '../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { eventDocuments } from './http-source/events.ts'
import { pollDocuments } from './http-source/poll.ts'
import { documentReader, type HttpDecode } from './http-source/read.ts'
import { compileSelect } from './http-source/select.ts'
import type { TlsSource } from './http/connector.ts'
import { checkMaxAnswer, checkRequestUrl, checkService, tlsOf } from './http/options.ts'
import { RegistryHttp } from './http/http.ts'
import type { Instance, SignalContext, Source } from './source.ts'

export type { HttpDecode } from './http-source/read.ts'
export type { TlsOptions, TlsSource } from './http/connector.ts'

/** Options of `http()`. */
export interface HttpSourceOptions {
  /** Where the list of a service is: a url in which `{service}` stands for its name, or a function of the name. */
  url: string | ((service: string) => string)
  /**
   * Headers of each request: an object, or a function that is called before each request and may be async.
   * Values of 8 or more characters never appear in errors.
   */
  headers?: Readonly<Record<string, string>> | (() => HeadersAnswer | Promise<HeadersAnswer>)
  /**
   * Where the list is in the answer, as a JSONPath: `'$.data.servers'`, or `'$.nodes[*].address'`.
   * @default '$', the answer itself
   */
  select?: string
  /** Returns the list of instances, urls or `host:port` from the answer's JSON. Use it instead of `select`. */
  decode?: HttpDecode
  /**
   * How changes are found. `poll`: send a request every `poll` ms, with `If-None-Match`. `long-poll`: the
   * server delays its answer until there is a change, as `Prefer: wait` requests (RFC 7240). `events`: the
   * server sends server-sent events (`text/event-stream`), each with the complete list.
   * @default 'poll'
   */
  mode?: 'poll' | 'long-poll' | 'events'
  /**
   * Time between two requests of a poll, in ms, ± 10 %.
   * @default 5_000
   */
  poll?: number
  /**
   * In ms. For `long-poll`, how long the server may delay its answer. For `events`, how long the stream may be
   * silent.
   * @default 30_000
   */
  wait?: number
  /**
   * How long one request may take, in ms. A long poll may take this long in addition to `wait`.
   * @default 5_000
   */
  timeout?: number
  /**
   * CA, client certificate and so on for https urls. The names are those of `node:tls`. A function is called
   * for each new connection.
   */
  tls?: TlsSource
  /**
   * The maximum size of an answer in bytes, both compressed and decompressed.
   * @default 64 MiB
   */
  maxAnswerSize?: number
  /**
   * How long a drop to zero instances is held back, in ms.
   * @default 30_000
   */
  emptyGrace?: number
  /** @default the system's clock */
  clock?: Clock
}

type HeadersAnswer = Readonly<Record<string, string>>

const OPTIONS: Record<keyof HttpSourceOptions, true> = {
  url: true,
  headers: true,
  select: true,
  decode: true,
  mode: true,
  poll: true,
  wait: true,
  timeout: true,
  tls: true,
  maxAnswerSize: true,
  emptyGrace: true,
  clock: true,
}

/**
 * Reads instances from any endpoint that answers with JSON: a list of instances, of urls, of `host:port`, or of
 * groups of targets as in Prometheus's `http_sd`.
 *
 * @example
 * http({ url: 'http://registry:8000/services/{service}' })
 * http({ url: 'http://inventory/api/nodes', select: '$.nodes[*].address', mode: 'long-poll' })
 */
export function http(options: HttpSourceOptions): Source {
  checkObject('http', options, Object.keys(OPTIONS))
  const { select, decode, mode = 'poll', headers = {}, tls, clock = systemClock, emptyGrace } = options
  const { poll = 5_000, wait = 30_000, timeout = 5_000 } = options
  const urlOf = urlFor(options.url)
  if (select !== undefined && decode !== undefined)
    throw new TypeError('select and decode must not both be set')
  if (select !== undefined) compileSelect(checkString('select', select))
  if (decode !== undefined) checkFunction('decode', decode)
  if (!['poll', 'long-poll', 'events'].includes(mode)) {
    throw new TypeError(`mode must be 'poll', 'long-poll' or 'events', got ${quote(mode)}`)
  }
  const secrets = new Set<string>()
  const headersOf = headersFor(headers, secrets)
  checkNumber('poll', poll, { min: 100 })
  checkNumber('wait', wait, { min: 1_000 })
  checkNumber('timeout', timeout, { exclusive: true })
  if (emptyGrace !== undefined) checkNumber('emptyGrace', emptyGrace)
  const maxAnswerSize = checkMaxAnswer(options.maxAnswerSize)
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const read = documentReader(select, decode)
  const settings = { name: 'http', clock, timeout, tls: tlsOf(tls), secrets, maxAnswerSize }

  function documents(client: RegistryHttp, url: string, signal: AbortSignal): AsyncIterable<unknown> {
    if (mode === 'events')
      return eventDocuments(client, { url, headers: headersOf, idle: wait, clock }, signal)
    const held = mode === 'long-poll' ? wait : 0
    return pollDocuments(client, { url, headers: headersOf, poll, wait: held, timeout, clock }, signal)
  }

  async function* watch(
    service: string,
    { signal }: SignalContext,
  ): AsyncGenerator<readonly Instance[], void> {
    checkService(service)
    const url = urlOf(service)
    const { search } = new URL(url)
    if (search.length > 1) secrets.add(search)
    const client = new RegistryHttp(settings)
    try {
      for await (const document of documents(client, url, signal)) yield read(document, service)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await client.close()
    }
  }
  return { watch, ...(emptyGrace !== undefined && { emptyGrace }) }
}

function urlFor(url: unknown): (service: string) => string {
  if (typeof url === 'function')
    return (service) => checkRequestUrl('url', (url as (name: string) => unknown)(service))
  const template = checkRequestUrl('url', url).replaceAll('%7Bservice%7D', '{service}')
  return (service) => template.replaceAll('{service}', encodeURIComponent(service))
}

function headersFor(headers: unknown, secrets: Set<string>): () => Promise<HeadersAnswer> {
  const copy = typeof headers === 'function' ? undefined : checkHeaders(headers)
  return async () => {
    const answer = copy ?? checkHeaders(await (headers as () => unknown)())
    // A header's value may be a secret, so errors must not show it. Values under 8 characters are no secrets.
    for (const value of Object.values(answer)) if (value.length >= 8) secrets.add(value)
    return answer
  }
}

function checkHeaders(value: unknown): HeadersAnswer {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : undefined
  if (!entries?.every(([, each]) => typeof each === 'string')) {
    throw new TypeError('headers must be an object of strings, or a function that returns one')
  }
  return Object.fromEntries(entries)
}

function checkString(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${name} must be a string, got ${quote(value)}`)
}
