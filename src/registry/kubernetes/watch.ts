import type { Clock } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import { jsonLines, RegistryAnswerError, type RegistryHttp } from '../http/http.ts'
import type { EndpointSlice } from './slices.ts'

export interface WatchOptions {
  /** The collection of slices with its label selector. */
  readonly url: string
  /** Asked before every request: the token in them changes. */
  readonly headers: () => Promise<Record<string, string>>
  readonly timeout: number
  readonly rotateAfter: number
  readonly clock: Clock
  /** Told how many ms the API server wants to be left alone. */
  readonly onRetryAfter: (ms: number) => void
}

interface SliceEvent {
  readonly type: string
  readonly object: EndpointSlice & {
    readonly code?: number
    readonly reason?: string
    readonly message?: string
  }
}

/** A watch that ends sooner than this was not meant to: going on at once could spin. */
const MIN_WATCH = 1000

/** The API's list and watch: all slices at the version that was listed, then every change from there on. */
export async function* watchSlices(
  http: RegistryHttp,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly EndpointSlice[], void> {
  const { clock } = options
  for (;;) {
    let { items, version } = await list(http, options, signal)
    const slices = new Map(items.map((slice) => [slice.metadata.name, slice]))
    yield items
    let heard: boolean
    do {
      heard = false
      const started = clock.now()
      try {
        for await (const events of watchFrom(http, version, options, signal)) {
          heard = true
          const changes = events.filter(({ type }) => type !== 'BOOKMARK')
          version = events.at(-1)?.object.metadata.resourceVersion ?? version
          for (const { type, object } of changes) {
            if (type === 'DELETED') slices.delete(object.metadata.name)
            else slices.set(object.metadata.name, object)
          }
          if (changes.length > 0) yield [...slices.values()]
        }
      } catch (error) {
        // What happened since our version is forgotten: a new watch begins with a new list.
        if (isExpired(error)) return
        throw error
      }
      if (clock.now() - started < MIN_WATCH) return
      // A server restored from a backup says nothing about a version it has yet to reach: after silence, list again.
    } while (heard)
  }
}

/** From the server's cache, which may lag a little: the watch makes up for it. */
async function list(
  http: RegistryHttp,
  { url, headers, onRetryAfter }: WatchOptions,
  signal: AbortSignal,
): Promise<{ items: readonly EndpointSlice[]; version: string }> {
  const request = { headers: await headers(), signal }
  const reply = await http.send(`${url}&resourceVersion=0`, request)
  if (reply.status !== 200) {
    const seconds = Number(reply.headers['retry-after'])
    // Not with 503: a server that starts names ten seconds and takes two.
    if (reply.status === 429 && seconds > 0) onRetryAfter(seconds * 1000)
    throw http.failure(url, request, reply)
  }
  const { items, metadata } = http.json(`${url}&resourceVersion=0`, request, reply) as Partial<{
    items: readonly EndpointSlice[]
    metadata: { resourceVersion: string }
  }>
  if (!Array.isArray(items) || typeof metadata?.resourceVersion !== 'string') {
    throw new TypeError('kubernetes: an answer that is no list of endpoint slices')
  }
  return { items, version: metadata.resourceVersion }
}

/** Until the server ends the watch, which it is asked to do before anything between here and there would. */
async function* watchFrom(
  http: RegistryHttp,
  version: string,
  { url, headers, timeout, rotateAfter, clock }: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly SliceEvent[], void> {
  const seconds = Math.max(1, Math.round((rotateAfter * (0.8 + 0.2 * clock.random())) / 1000))
  const query = `&watch=1&allowWatchBookmarks=true&resourceVersion=${version}&timeoutSeconds=${seconds}`
  const overdue = new AbortController()
  const watching = AbortSignal.any([signal, overdue.signal])
  // A frozen server does not end its watches.
  clock.sleep(seconds * 1000 + timeout, watching, { ref: false }).then(
    () => overdue.abort(timeoutError('kubernetes: the API server did not end the watch when it was due')),
    () => {},
  )
  try {
    const request = { headers: await headers(), signal: watching, background: true }
    const chunks = await http.stream(url + query, request)
    for await (const events of jsonLines(chunks) as AsyncIterable<SliceEvent[]>) {
      const failed = events.findIndex(({ type }) => type === 'ERROR')
      if (failed !== 0) yield failed < 0 ? events : events.slice(0, failed)
      const status = events[failed]?.object
      if (status) {
        const { code = 0, reason, message } = status
        throw new RegistryAnswerError(`kubernetes: the watch failed: ${code} ${reason}: ${message}`, code)
      }
    }
  } finally {
    overdue.abort()
  }
}

/** It comes as a status before the watch, or as an event within it. */
function isExpired(error: unknown): boolean {
  return error instanceof RegistryAnswerError && error.status === 410
}
