import type { Clock } from '../../clock.ts'
import { jsonLines } from '../http/http.ts'
import { registeredBy } from '../registration.ts'
import type { Instance } from '../source.ts'
import { isTokenRefused, type Gateway, type Json } from './gateway.ts'
import { decodeEntry, type Decode } from '../entry.ts'
import { fromBase64, prefixRange } from './layout.ts'

export interface WatchOptions {
  readonly prefix: string
  /** The id of an instance whose value has none, from its key. */
  readonly idOf: (key: string) => string
  readonly decode: Decode
  readonly rotateAfter: number
  readonly probeInterval: number
  readonly clock: Clock
}

/** The instances by their keys: reads the prefix, then follows it from the next revision on, so that nothing in between is lost. */
export async function* watchPrefix(
  gateway: Gateway,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<ReadonlyMap<string, Instance>, void> {
  const range = prefixRange(options.prefix)
  const answer = await gateway.call('/v3/kv/range', range, signal)
  const endpoint = gateway.endpoints.current
  const start_revision = nextRevision(answer)
  // Before anything is believed: what has no revision is no answer of etcd's.
  if (start_revision === undefined) {
    gateway.endpoints.forsake(endpoint)
    throw new Error(`etcd: ${endpoint} answered without a revision`)
  }
  const instances = new Instances(options)
  for (const kv of list(answer['kvs'])) instances.put(kv)
  yield instances.snapshot()

  const end = new AbortController()
  const watching = AbortSignal.any([signal, end.signal])
  let planned = false
  const rotate = (): void => {
    planned = true
    end.abort()
  }
  // Before proxies and NATs forget an idle connection, and to mend whatever a watch may ever miss.
  const lifetime = options.rotateAfter * (0.9 + 0.2 * options.clock.random())
  options.clock.sleep(lifetime, watching, { ref: false }).then(rotate, () => {})
  probe(gateway, endpoint, options, watching).catch((error: unknown) => end.abort(error))
  try {
    const create_request = { ...range, start_revision }
    const chunks = await gateway.watch(endpoint, { create_request }, watching)
    for await (const messages of jsonLines(chunks)) {
      const results = messages.map((message) => resultOf(message))
      // Our revision is gone: only a new range can tell what happened since.
      if (results.some((result) => 'compact_revision' in result)) return
      results.forEach(refuseCancelled)
      const events = results.flatMap((result) => list(result['events']))
      for (const event of events) instances.apply(event)
      if (events.length > 0) yield instances.snapshot()
    }
    throw new Error(`etcd: ${endpoint} ended the watch`)
  } catch (error) {
    if (planned) return
    if (isTokenRefused(String(error))) gateway.signOut()
    else gateway.endpoints.forsake(endpoint)
    throw error
  } finally {
    end.abort()
  }
}

/**
 * An idle watch on a frozen machine, or on a member cut off from its quorum, looks like nothing has changed.
 * A linearizable read is answered by a healthy member only.
 */
async function probe(
  gateway: Gateway,
  endpoint: string,
  { prefix, probeInterval, clock }: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(probeInterval, signal, { ref: false })
    const count = { ...prefixRange(prefix), count_only: true }
    await gateway.ask(endpoint, '/v3/kv/range', count, { signal, background: true })
  }
}

class Instances {
  readonly #options: WatchOptions
  readonly #byKey = new Map<string, Instance>()

  constructor(options: WatchOptions) {
    this.#options = options
  }

  put(kv: Json): void {
    const { idOf, decode } = this.#options
    const key = fromBase64(kv['key'])
    const instance = decodeEntry(decode, key, fromBase64(kv['value']), idOf(key))
    if (instance) this.#byKey.set(key, registeredBy(instance, kv['lease']))
    else this.#byKey.delete(key)
  }

  /** A put is the default value of the protocol's enum, and so is left out of its JSON. */
  apply(event: Json): void {
    const kv = event['kv'] as Json
    if (event['type'] === 'DELETE') this.#byKey.delete(fromBase64(kv['key']))
    else this.put(kv)
  }

  snapshot(): ReadonlyMap<string, Instance> {
    return new Map(this.#byKey)
  }
}

function resultOf(message: unknown): Json {
  const { result, error } = (message ?? {}) as { result?: Json; error?: { message?: string } }
  if (result) return result
  throw new Error(`etcd: the watch failed: ${error?.message ?? 'an answer that is no watch response'}`)
}

/** A refusal, even of the credentials, arrives as a cancellation under HTTP status 200. */
function refuseCancelled(result: Json): void {
  const { canceled, cancel_reason } = result as { canceled?: boolean; cancel_reason?: string }
  if (canceled) throw new Error(`etcd: the watch was cancelled: ${cancel_reason ?? 'without a reason'}`)
}

function nextRevision({ header }: Json): string | undefined {
  const revision = (header as { revision?: unknown } | undefined)?.revision
  return typeof revision === 'string' && /^\d{1,20}$/.test(revision)
    ? String(BigInt(revision) + 1n)
    : undefined
}

function list(value: unknown): readonly Json[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value as Json[]
  throw new TypeError('etcd: an answer that is no list')
}
