import type { Clock } from '../../clock.ts'
import type { RegistryHttp, RegistryReply } from '../http/http.ts'
import type { Instance } from '../source.ts'
import { readHealth } from './health.ts'

export interface WatchOptions {
  /** The query url with its constant parameters. */
  readonly url: string
  readonly headers: Record<string, string>
  readonly wait: number
  readonly timeout: number
  readonly clock: Clock
}

/** The shortest time from one blocking query to the next, in ms, however often the index changes. */
const MIN_INTERVAL = 250

/** Yields the instances of `/v1/health/service/:service` each time that Consul reports a possible change. */
export async function* watchHealth(
  http: RegistryHttp,
  options: WatchOptions,
  scheme: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Instance[], void> {
  for await (const answer of blockingQueries(http, options, signal)) yield readHealth(answer, scheme)
}

/** Blocking queries, by the client rules in Consul's documentation. */
export async function* blockingQueries(
  http: RegistryHttp,
  { url, headers, wait, timeout, clock }: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<unknown, void> {
  // Start without an index: a new watch follows a failure, and the agent may have restarted with a new history.
  let index = 0n
  for (;;) {
    const started = clock.now()
    const blocking = index > 0n
    const query = new URL(url)
    if (blocking) {
      query.searchParams.set('index', String(index))
      query.searchParams.set('wait', `${Math.ceil(wait)}ms`)
    }
    // The server adds up to 1/16 of the wait, so that clients do not all return at the same moment.
    const requestTimeout = blocking ? (wait * 17) / 16 + timeout : timeout
    const request = { headers, signal, timeout: requestTimeout, background: blocking }
    const reply = await http.send(query.href, request)
    if (reply.status !== 200) throw http.failure(query.href, request, reply)
    index = nextIndex(index, reply)
    yield readList(http, query.href, request, reply)
    const pause = started + MIN_INTERVAL - clock.now()
    if (blocking && pause > 0) await clock.sleep(pause, signal, { ref: false })
  }
}

/** Returns one answer. Throws when the ACL token hides all instances, because the service is not empty then. */
export function readList(
  http: RegistryHttp,
  url: string,
  request: Parameters<RegistryHttp['json']>[1],
  reply: RegistryReply,
): unknown {
  const answer = http.json(url, request, reply)
  const filtered = reply.headers['x-consul-results-filtered-by-acls'] === 'true'
  if (filtered && Array.isArray(answer) && answer.length === 0) {
    throw new Error(`consul: the token may not read the instances at ${url}`)
  }
  return answer
}

/**
 * Consul's rule: an index that decreases means a new history, so query without an index. An index of 0 would
 * not block, so it counts as 1.
 */
function nextIndex(before: bigint, { headers }: RegistryReply): bigint {
  const header = headers['x-consul-index']
  if (typeof header !== 'string' || !/^\d+$/.test(header)) {
    throw new Error('consul: the answer has no X-Consul-Index header')
  }
  const index = BigInt(header) || 1n
  return index < before ? 0n : index
}
