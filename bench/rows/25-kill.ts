import { setTimeout as delay } from 'node:timers/promises'
import { Agent, BalancedPool, request } from 'undici'
import { Child } from '../harness/child.ts'
import { naiveRoundRobin } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Row, Variant } from '../harness/row.ts'
import { load } from '../peers/load.ts'

const CONCURRENCY = 16
const BEFORE_MS = 150
const AFTER_MS = 600

interface Caller extends AsyncDisposable {
  get(): Promise<unknown>
}

/** Four servers under load, of which one is killed. Measures what the callers notice. */
function killing(
  connect: (origins: readonly string[], onAttempt: (origin: string) => void) => Caller | Promise<Caller>,
): Variant {
  return () => async () => {
    await using stack = new AsyncDisposableStack()
    const servers = Array.from({ length: 4 }, () =>
      stack.use(new Child(new URL('../harness/server.ts', import.meta.url), ['1'])),
    )
    const origins = (await Promise.all(servers.map((server) => server.message()))).flat() as string[]
    let killedAt = Infinity
    const sample = { failed: 0, slowest: 0, until: 0 }
    const caller = stack.use(
      await connect(origins, (origin) => {
        if (origin === origins[0] && killedAt < Infinity) sample.until = performance.now() - killedAt
      }),
    )
    const stop = new AbortController()
    const runner = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const began = performance.now()
        try {
          await caller.get()
        } catch {
          sample.failed++
        }
        if (killedAt < Infinity) sample.slowest = Math.max(sample.slowest, performance.now() - began)
        // The rate is below the maximum, because the four servers and the caller share two cores.
        await delay(1)
      }
    }
    const runners = Array.from({ length: CONCURRENCY }, runner)
    await delay(BEFORE_MS)
    servers[0]?.kill()
    killedAt = performance.now()
    await delay(AFTER_MS)
    stop.abort()
    await Promise.all(runners)
    return sample
  }
}

export const row: Row = {
  title: 'kill -9 of one of four instances',
  rounds: 9,
  roundMs: 0,
  variants: {
    outrigger: killing(async (origins, onAttempt) => {
      const client = await clientFor(origins)
      client.on('attempt', ({ instance }) => onAttempt(instance.url))
      return {
        get: async () => (await client.request(PATH)).body.json(),
        [Symbol.asyncDispose]: () => client.close(),
      }
    }),
    BalancedPool: killing((origins) => {
      const dispatcher = new BalancedPool([...origins])
      return {
        get: async () => {
          const { body } = await dispatcher.request({ path: PATH, method: 'GET' })
          return body.json()
        },
        [Symbol.asyncDispose]: () => dispatcher.destroy(),
      }
    }),
    opossum: killing(async (origins) => {
      const { default: Opossum } = await load('opossum')
      const dispatcher = new Agent()
      const get = async (url: string): Promise<unknown> => (await request(url, { dispatcher })).body.json()
      const next = naiveRoundRobin(
        origins.map((origin) => ({ origin, breaker: new Opossum(get, { timeout: 30_000 }) })),
      )
      return {
        get: () => {
          const { origin, breaker } = next()
          return breaker.fire(origin + PATH)
        },
        [Symbol.asyncDispose]: () => dispatcher.destroy(),
      }
    }),
  },
  comparisons: [
    { name: 'failed calls', subject: 'outrigger', measure: 'failed', unit: 'calls', target: 0 },
    { name: 'failed calls of BalancedPool', subject: 'BalancedPool', measure: 'failed', unit: 'calls' },
    {
      name: 'failed calls of round robin with opossum per host',
      subject: 'opossum',
      measure: 'failed',
      unit: 'calls',
    },
    { name: 'until no attempt goes there', subject: 'outrigger', measure: 'until', unit: 'ms' },
    { name: 'slowest call', subject: 'outrigger', measure: 'slowest', unit: 'ms' },
    { name: 'slowest call of BalancedPool', subject: 'BalancedPool', measure: 'slowest', unit: 'ms' },
    {
      name: 'slowest call of round robin with opossum per host',
      subject: 'opossum',
      measure: 'slowest',
      unit: 'ms',
    },
  ],
}
