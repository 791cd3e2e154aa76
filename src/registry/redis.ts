import { systemClock, type Clock } from '../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { bounded } from './bounded.ts'
import { decodeEntry, decodeValue, type Decode } from './entry.ts'
import { checkService } from './http/options.ts'
import { toInstance } from './instance.ts'
import { checkClient, sender, type RedisClient } from './redis/client.ts'
import { Hints } from './redis/hints.ts'
import { LIST, REGISTER, RELEASE, RENEW } from './redis/scripts.ts'
import type { Instance, Registrar, SignalContext, Source } from './source.ts'

export type { IoredisClient, NodeRedisClient, RedisClient } from './redis/client.ts'

/** Options of `redis()`. */
export interface RedisOptions {
  /**
   * Your connected client of the package `ioredis` or `redis`. You remain responsible for it: add an `error`
   * listener, and close it after the clients that use it. While something is watched, a second connection of
   * the same kind is open for subscriptions.
   */
  client: RedisClient
  /**
   * The prefix of every key and channel.
   * @default 'services:'
   */
  prefix?: string
  /**
   * Reads an entry in another format. Returns an instance, a url, `host:port`, or undefined for an entry that
   * is not an instance.
   * @default JSON with the fields of an instance, or a url or `host:port` as text
   */
  decode?: (id: string, value: string) => ReturnType<Decode>
  /**
   * How long a registration lives after its last heartbeat, in ms.
   * @default 15_000
   */
  ttl?: number
  /**
   * Time between two reads when no change is published, in ms, ± 10 %.
   * @default 5_000
   */
  poll?: number
  /**
   * How long Redis may take for one answer, in ms.
   * @default 2_000
   */
  timeout?: number
  /** @default the system's clock */
  clock?: Clock
}

const OPTIONS: Record<keyof RedisOptions, true> = {
  client: true,
  prefix: true,
  decode: true,
  ttl: true,
  poll: true,
  timeout: true,
  clock: true,
}

/** The shortest time from one read to the next, in ms, however many changes are published. */
const MIN_INTERVAL = 50

/**
 * Discovers and registers instances in Redis 5 or later, or Valkey, through your client.
 *
 * @example
 * const registry = redis({ client: new Redis('redis://127.0.0.1:6379') })
 * const me = await announce(registry, 'user-service', { url: 'http://10.0.0.7:8080' })
 */
export function redis(options: RedisOptions): Source & Registrar {
  checkObject('redis', options, Object.keys(OPTIONS))
  const { client, prefix = 'services:', decode = decodeValue, clock = systemClock } = options
  const { ttl = 15_000, poll = 5_000, timeout = 2_000 } = options
  checkClient(client)
  if (typeof prefix !== 'string' || /[{}]/.test(prefix)) {
    throw new TypeError(`prefix must be a string without braces, got ${quote(prefix)}`)
  }
  checkFunction('decode', decode)
  checkNumber('ttl', ttl, { min: 100, integer: true })
  checkNumber('poll', poll, { min: MIN_INTERVAL })
  checkNumber('timeout', timeout, { exclusive: true })
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const send = sender(client)
  const hints = new Hints(client)
  // The braces put both keys into the same hash slot of a cluster.
  const setOf = (service: string): string => `${prefix}{${service}}`
  const run = (script: string, service: string, ...args: string[]): Promise<unknown> =>
    send('EVAL', script, '2', setOf(service), `${setOf(service)}:data`, ...args)

  async function* watch(
    service: string,
    { signal }: SignalContext,
  ): AsyncGenerator<readonly Instance[], void> {
    checkService(service)
    if (signal.aborted) return
    const hint = hints.listen(setOf(service))
    try {
      for (let first = true; ; first = false) {
        const reading = { parent: signal, ref: first }
        const answer = await bounded(clock, timeout, () => run(LIST, service), reading)
        const { expiresIn, entries } = readAnswer(answer)
        yield entries
          .map(([id, value]) => decodeEntry(decode, id, value, id))
          .filter((each) => each !== undefined)
        const pause = poll * (0.9 + 0.2 * clock.random())
        await clock.sleep(MIN_INTERVAL, signal, { ref: false })
        await firstOf(clock, Math.min(pause, expiresIn), hint.next(), signal)
      }
    } catch (error) {
      if (!signal.aborted) throw named(error)
    } finally {
      hint.close()
    }
  }

  return {
    watch,
    register: async (service, init) => {
      checkService(service)
      const instance = toInstance(init)
      const args = [instance.id, JSON.stringify(instance), String(ttl), setOf(service)]
      const ask = async (script: string): Promise<unknown> => run(script, service, ...args).catch(rethrow)
      await ask(REGISTER)
      return {
        ttl,
        renew: async () => (await ask(RENEW)) === 1,
        release: async () => void (await ask(RELEASE)),
      }
    },
  }
}

/** Waits until `ms` has passed, a hint arrives or the signal aborts. */
async function firstOf(clock: Clock, ms: number, hint: Promise<void>, signal: AbortSignal): Promise<void> {
  const done = new AbortController()
  const timer = clock.sleep(ms, AbortSignal.any([signal, done.signal]), { ref: false })
  try {
    await Promise.race([timer, hint])
  } finally {
    done.abort()
    timer.catch(() => {})
  }
}

function readAnswer(answer: unknown): { expiresIn: number; entries: [id: string, value: string][] } {
  if (!Array.isArray(answer) || answer.length % 2 !== 1) throw new TypeError('the answer is not a list')
  const [ms, ...rest] = (answer as unknown[]).map(String)
  const entries = rest.flatMap((id, at): [string, string][] =>
    at % 2 === 0 ? [[id, rest[at + 1] ?? '']] : [],
  )
  return { expiresIn: Number(ms) < 0 ? Infinity : Number(ms) + 1, entries }
}

function named(error: unknown): Error {
  return new Error(`redis: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}

function rethrow(error: unknown): never {
  throw named(error)
}
