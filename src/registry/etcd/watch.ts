import type { Clock } from '../../clock.ts'
import { withRegistration } from '../registration.ts'
import type { Instance } from '../source.ts'
import { isTokenRefused, type Gateway, type Json } from './gateway.ts'
import { decodeEntry, type Decode } from '../entry.ts'
import { fromBase64, prefixRange } from './layout.ts'

export interface WatchOptions {
  readonly prefix: string
  /** Returns the id for an instance whose value has none, from its key. */
  readonly idOf: (key: string) => string
  readonly decode: Decode
  readonly rotateAfter: number
  readonly probeInterval: number
  readonly clock: Clock
}

/**
 * Yields the instances by their keys. Reads the prefix, then watches it from the next revision on, so that no
 * change is missed.
 */
export async function* watchPrefix(
  gateway: Gateway,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<ReadonlyMap<string, Instance>, void> {
  const range = prefixRange(options.prefix)
  const answer = await gateway.call('/v3/kv/range', range, signal)
  const endpoint = gateway.endpoints.current
  const start_revision = nextRevision(answer)
  // Check this first: an answer without a revision does not come from etcd.
  if (start_revision === undefined) {
    gateway.endpoints.skip(endpoint)
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
  // Start again before proxies and NATs drop an idle connection, and to recover from any change that the watch
  // missed.
  const lifetime = options.rotateAfter * (0.9 + 0.2 * options.clock.random())
  options.clock.sleep(lifetime, watching, { ref: false }).then(rotate, () => {})
  probe(gateway, endpoint, options, watching).catch((error: unknown) => end.abort(error))
  try {
    const create_request = { ...range, start_revision }
    for await (const messages of await gateway.watch(endpoint, { create_request }, watching)) {
      const results = messages.map((message) => resultOf(message))
      // etcd has compacted our revision. Only a new read shows what has happened since.
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
    else gateway.endpoints.skip(endpoint)
    throw error
  } finally {
    end.abort()
  }
}

/**
 * Checks that the member of the watch still answers. On a frozen machine, or on a member without quorum, an
 * idle watch looks as if nothing changed. Only a healthy member answers a linearizable read.
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
    if (instance) this.#byKey.set(key, withRegistration(instance, kv['lease']))
    else this.#byKey.delete(key)
  }

  /** PUT is the default value of the enum, so the JSON omits it. */
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
  throw new Error(`etcd: the watch failed: ${error?.message ?? 'the answer is not a watch response'}`)
}

/** etcd reports a refusal, even of the credentials, as a cancelled watch with HTTP status 200. */
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
  throw new TypeError('etcd: the answer is not a list')
}
