import type { Clock } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import { RegistryAnswerError, type RegistryHttp } from '../http/http.ts'
import type { EndpointSlice } from './slices.ts'

export interface WatchOptions {
  /** The url of the slices, with the label selector. */
  readonly url: string
  /** Called before every request, because the token changes. */
  readonly headers: () => Promise<Record<string, string>>
  readonly timeout: number
  readonly rotateAfter: number
  readonly clock: Clock
  /** Called with the pause that the API server requests, in ms. */
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

/** In ms. A watch that ends sooner has failed: to start it again at once could cause a busy loop. */
const MIN_WATCH = 1000

/** Yields all slices of a list, then all slices again after each change from the listed version on. */
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
    let received: boolean
    do {
      received = false
      const started = clock.now()
      try {
        for await (const events of watchFrom(http, version, options, signal)) {
          received = true
          const changes = events.filter(({ type }) => type !== 'BOOKMARK')
          version = events.at(-1)?.object.metadata.resourceVersion ?? version
          for (const { type, object } of changes) {
            if (type === 'DELETED') slices.delete(object.metadata.name)
            else slices.set(object.metadata.name, object)
          }
          if (changes.length > 0) yield [...slices.values()]
        }
      } catch (error) {
        // The server no longer stores the changes since our version: start again with a new list.
        if (isExpired(error)) return
        throw error
      }
      if (clock.now() - started < MIN_WATCH) return
      // A server restored from a backup reports nothing until it reaches our version, so list again after a
      // watch without events.
    } while (received)
  }
}

/** Reads the slices from the server's cache, which may be slightly old. The watch reports the newer changes. */
async function list(
  http: RegistryHttp,
  { url, headers, onRetryAfter }: WatchOptions,
  signal: AbortSignal,
): Promise<{ items: readonly EndpointSlice[]; version: string }> {
  const request = { headers: await headers(), signal }
  const reply = await http.send(`${url}&resourceVersion=0`, request)
  if (reply.status !== 200) {
    const seconds = Number(reply.headers['retry-after'])
    // Ignore Retry-After with a 503: a starting server asks for 10 s but is ready after 2 s.
    if (reply.status === 429 && seconds > 0) onRetryAfter(seconds * 1000)
    throw http.failure(url, request, reply)
  }
  const { items, metadata } = http.json(`${url}&resourceVersion=0`, request, reply) as Partial<{
    items: readonly EndpointSlice[]
    metadata: { resourceVersion: string }
  }>
  if (!Array.isArray(items) || typeof metadata?.resourceVersion !== 'string') {
    throw new TypeError('kubernetes: the answer is not a list of endpoint slices')
  }
  return { items, version: metadata.resourceVersion }
}

/**
 * Watches until the server ends the watch. The request asks for an end early enough that no proxy in between
 * ends it first.
 */
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
    const lines = (await http.lines(url + query, request)) as AsyncIterable<SliceEvent[]>
    for await (const events of lines) {
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

/** The server reports it as a status before the watch, or as an event during the watch. */
function isExpired(error: unknown): boolean {
  return error instanceof RegistryAnswerError && error.status === 410
}
