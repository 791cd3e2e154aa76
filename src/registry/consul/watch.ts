import type { Clock } from '../../clock.ts'
import type { RegistryHttp, RegistryReply } from '../http/http.ts'
import type { Instance } from '../source.ts'
import { readHealth } from './health.ts'

export interface WatchOptions {
  /** The query with the parameters that never change. */
  readonly url: string
  readonly headers: Record<string, string>
  readonly wait: number
  readonly timeout: number
  readonly clock: Clock
}

/** Milliseconds from one blocking query to the next at least, however often the index moves. */
const MIN_INTERVAL = 250

/** The instances of `/v1/health/service/:service` each time that Consul thinks they may have changed. */
export async function* watchHealth(
  http: RegistryHttp,
  options: WatchOptions,
  scheme: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Instance[], void> {
  for await (const answer of blockingQueries(http, options, signal)) yield readHealth(answer, scheme)
}

/** Blocking queries, by the rules Consul's documentation gives for clients. */
export async function* blockingQueries(
  http: RegistryHttp,
  { url, headers, wait, timeout, clock }: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<unknown, void> {
  // A new watch follows a failure, so it must not believe an index from before it: the agent may start anew.
  let index = 0n
  for (;;) {
    const started = clock.now()
    const blocking = index > 0n
    const query = new URL(url)
    if (blocking) {
      query.searchParams.set('index', String(index))
      query.searchParams.set('wait', `${Math.ceil(wait)}ms`)
    }
    // The server adds up to a sixteenth, lest all clients come at once.
    const patience = blocking ? (wait * 17) / 16 + timeout : timeout
    const request = { headers, signal, timeout: patience, background: blocking }
    const reply = await http.send(query.href, request)
    if (reply.status !== 200) throw http.failure(query.href, request, reply)
    index = nextIndex(index, reply)
    yield readList(http, query.href, request, reply)
    const pause = started + MIN_INTERVAL - clock.now()
    if (blocking && pause > 0) await clock.sleep(pause, signal, { ref: false })
  }
}

/** One answer; what the token may not see is no empty service. */
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

/** An index that goes back means a new history: ask without one. Zero would not block, so it counts as one. */
function nextIndex(before: bigint, { headers }: RegistryReply): bigint {
  const header = headers['x-consul-index']
  if (typeof header !== 'string' || !/^\d+$/.test(header)) {
    throw new Error('consul: an answer without X-Consul-Index')
  }
  const index = BigInt(header) || 1n
  return index < before ? 0n : index
}
