import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { request as undiciRequest } from 'undici'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import {
  consistentHash,
  createClient,
  fixed,
  roundRobin,
  type Balancer,
  type Client,
  type ClientOptions,
} from '../../src/index.ts'
import { EVENT_NAMES } from '../../src/observe/event-names.ts'
import { systemClock } from '../../src/clock.ts'
import { Pool } from '../../src/undici.ts'
import { reset, startServer, truncate, type Answer, type TestServer } from '../support/http-server.ts'
import { waitFor } from '../support/wait-for.ts'

// Every function of the user's, in every way in which it can go wrong, together with retries, hedges, limits and breakers:
// each call ends, nothing stays in flight, no probe is lost, and the calls after it are served.

function unshowable(): object {
  const fail = (): never => {
    throw new RangeError('cannot be shown')
  }
  return { toString: fail, valueOf: fail, toJSON: fail, [Symbol.toPrimitive]: fail }
}

/** Whatever is done with it throws, `instanceof` too. */
function revoked(): Error {
  const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {})
  revoke()
  return proxy
}

/** What a function of the user's may do instead of what it is for. */
const MISDEEDS: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new RangeError('user code')
  },
  'throws undefined': () => {
    // oxlint-disable-next-line typescript/only-throw-error -- it is what is tried
    throw undefined
  },
  'throws what cannot be shown': () => {
    // oxlint-disable-next-line typescript/only-throw-error -- it is what is tried
    throw unshowable()
  },
  'throws a revoked Proxy': () => {
    throw revoked()
  },
  'rejects with a revoked Proxy': () => Promise.reject(revoked()),
  rejects: () => Promise.reject(new RangeError('user code')),
  'rejects in another realm': () => runInNewContext('Promise.reject(new Error("far away"))') as unknown,
  'gives a thenable that throws': () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- it is what is tried
    then() {
      throw new RangeError('user code')
    },
  }),
  'never answers': () => new Promise(() => {}),
  'gives a symbol': () => Symbol('garbage'),
  'gives a bigint': () => 10n,
  'gives NaN': () => Number.NaN,
  'gives null': () => null,
  'gives a revoked Proxy': revoked,
  'gives what cannot be shown': unshowable,
}

const POINTS = [
  'pick',
  'settled',
  'amended',
  'standing',
  'hash key',
  'traffic key',
  'retry.when',
  'classify',
  'headers',
  'fallback',
  'transport',
  'redactPath',
  'body',
  'execute',
  'listener',
  'within',
] as const
type Point = (typeof POINTS)[number]

const DOORS = ['fetch', 'fast', 'request', 'execute', 'dispatcher'] as const
type Door = (typeof DOORS)[number]

const BEHAVIOURS = ['ok', 'busy', 'truncated', 'reset', 'slow'] as const

interface Scene {
  readonly door: Door
  readonly faults: readonly { readonly point: Point; readonly misdeed: string; readonly every: number }[]
  readonly servers: readonly (typeof BEHAVIOURS)[number][]
  readonly attempts: number
  readonly hedge: number | undefined
  readonly limit: boolean
  readonly listens: boolean
  readonly closesEarly: boolean
}

const scenes: fc.Arbitrary<Scene> = fc.record({
  door: fc.constantFrom(...DOORS),
  faults: fc.uniqueArray(
    fc.record({
      point: fc.constantFrom(...POINTS),
      misdeed: fc.constantFrom(...Object.keys(MISDEEDS)),
      every: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 3, selector: ({ point }) => point },
  ),
  servers: fc.array(fc.constantFrom(...BEHAVIOURS), { minLength: 2, maxLength: 2 }),
  attempts: fc.integer({ min: 1, max: 3 }),
  hedge: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
  limit: fc.boolean(),
  listens: fc.boolean(),
  closesEarly: fc.boolean(),
})

/** Answers with the name of the caller. */
const answer: Answer = (incoming, response) =>
  response.writeHead(200).end(`for ${String(incoming.headers['x-caller'])}`)

const ANSWERS: Readonly<Record<(typeof BEHAVIOURS)[number], Answer>> = {
  ok: answer,
  busy: (_incoming, response) => response.writeHead(503).end('busy'),
  truncated: truncate,
  reset,
  slow: (incoming, response) => {
    setTimeout(() => answer(incoming, response), 20)
  },
}

let servers: TestServer[] = []
beforeAll(async () => {
  servers = [await startServer(answer), await startServer(answer)]
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
})

const unheard: unknown[] = []
const hear = (error: unknown): void => void unheard.push(error)
beforeEach(() => {
  unheard.length = 0
  process.on('unhandledRejection', hear)
  process.on('uncaughtException', hear)
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
})
afterEach(() => {
  process.off('unhandledRejection', hear)
  process.off('uncaughtException', hear)
  vi.restoreAllMocks()
})

/** Makes a function of the user's go wrong as the scene says, for as long as it is `armed`. */
class Saboteur {
  armed = true
  readonly #faults: Scene['faults']
  readonly #calls = new Map<Point, number>()

  constructor(faults: Scene['faults']) {
    this.#faults = faults
  }

  has(point: Point): boolean {
    return this.#faults.some((fault) => fault.point === point)
  }

  wrap<Args extends readonly unknown[], Result>(
    point: Point,
    good: (...args: Args) => Result,
  ): (...args: Args) => Result {
    const fault = this.#faults.find((each) => each.point === point)
    if (!fault) return good
    return (...args) => {
      const call = this.#calls.get(point) ?? 0
      this.#calls.set(point, call + 1)
      return this.armed && call % fault.every === 0 ? (MISDEEDS[fault.misdeed]!() as Result) : good(...args)
    }
  }
}

function optionsOf(scene: Scene, saboteur: Saboteur): ClientOptions {
  const { attempts, hedge, limit } = scene
  const strategy = roundRobin()
  let keys = 0
  const balance: Balancer = saboteur.has('hash key')
    ? consistentHash({ key: saboteur.wrap('hash key', () => `key ${keys++}`) })
    : {
        pick: saboteur.wrap('pick', (...args) => strategy.pick(...args)),
        settled: saboteur.wrap('settled', () => {}),
        amended: saboteur.wrap('amended', () => {}),
        standing: saboteur.wrap('standing', () => undefined),
      }
  return {
    service: 'user-service',
    source: fixed(servers.map(({ url, host }) => ({ id: host, url, metadata: { version: 'v1' } }))),
    balance,
    breaker: { failureThreshold: 2, successThreshold: 2, openFor: 1 },
    retry: { attempts, backoff: 1, when: saboteur.wrap('retry.when', () => undefined) },
    budget: { ratio: 1, minPerSecond: 1000 },
    timeout: { total: 150, attempt: 50 },
    hedge: hedge === undefined ? false : { after: hedge, max: 2 },
    limit: limit && { max: 2, queue: 2 },
    drainTimeout: 100,
    ...(saboteur.has('classify') && { classify: saboteur.wrap('classify', () => undefined) }),
    ...(saboteur.has('headers') && { headers: saboteur.wrap('headers', async () => ({ 'x-own': 'own' })) }),
    ...(saboteur.has('redactPath') && { redactPath: saboteur.wrap('redactPath', (path: string) => path) }),
    ...(saboteur.has('fallback') && {
      fallback: saboteur.wrap('fallback', () => new Response('fallback', { status: 299 })),
    }),
    ...(saboteur.has('traffic key') && {
      traffic: [{ to: { version: 'v1' }, share: 0.5, key: saboteur.wrap('traffic key', () => 'a key') }],
    }),
    ...(saboteur.has('transport') && {
      transport: saboteur.wrap('transport', ({ url }: { url: string }) => new Pool(url)),
    }),
    ...(scene.door === 'fast' && { fetch: 'fast' }),
    clock: systemClock,
  }
}

/** Makes one call as `caller`; what comes of it is the answer's text, or undefined for one that is not a 200. */
async function callAs(
  caller: string,
  client: Client,
  door: Door,
  saboteur: Saboteur,
): Promise<string | undefined> {
  const headers = { 'x-caller': caller, 'idempotency-key': caller }
  const path = `/x?${caller}`
  if (door === 'request') {
    const { statusCode, body } = await client.request(path, { headers })
    const text = await body.text()
    return statusCode === 200 ? text : undefined
  }
  if (door === 'dispatcher') {
    const { statusCode, body } = await undiciRequest(`http://user-service${path}`, {
      dispatcher: client.dispatcher,
      headers,
    })
    const text = await body.text()
    return statusCode === 200 ? text : undefined
  }
  if (door === 'execute') {
    const run = saboteur.wrap('execute', async (url: string, signal: AbortSignal) => {
      const response = await fetch(`${url}${path}`, { headers, signal })
      return { status: response.status, text: await response.text() }
    })
    const given: unknown = await client.execute(({ url }, { signal }) => run(url, signal))
    const { status, text } = (given ?? {}) as { status?: unknown; text?: string }
    return status === 200 ? text : undefined
  }
  const response = await (saboteur.has('body')
    ? client(path, { method: 'POST', headers, body: saboteur.wrap('body', () => caller) })
    : client(path, { headers }))
  const text = await response.text()
  return response.status === 200 ? text : undefined
}

function listenToAll(client: Client, saboteur: Saboteur): void {
  for (const name of EVENT_NAMES)
    client.on(
      name,
      saboteur.wrap('listener', () => {}),
    )
  client.on('attempt:start', (message) => {
    const within = saboteur.wrap('within', (run: () => void) => run())
    if (saboteur.has('within')) Object.assign(message, { within, sendWithin: within })
  })
}

function held(client: Client): unknown {
  const { instances, limit } = client.snapshot()
  return {
    inFlight: instances.map(({ inFlight, pending, queued }) => inFlight + pending + queued),
    limit: limit && limit.inFlight + limit.queued,
  }
}

/** Calls until one is answered and each breaker is closed, by the number of calls: on a busy machine each may take its time. */
async function recovery(call: () => Promise<string | undefined>, client: Client): Promise<unknown> {
  let state: unknown
  for (let calls = 0; calls < 100; calls++) {
    const text = await call().catch(() => undefined)
    const breakers = client.snapshot().instances.map(({ breaker }) => breaker)
    state = [text, ...breakers]
    if (text !== undefined && breakers.every((each) => each === 'closed')) break
    await sleep(2)
  }
  return state
}

it('whatever user functions do, each call ends, no load or permit is lost, and later calls succeed', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      const { door, closesEarly } = scene
      for (const [index, server] of servers.entries()) server.behave(ANSWERS[scene.servers[index]!])
      const saboteur = new Saboteur(scene.faults)
      const client = createClient(optionsOf(scene, saboteur))
      if (scene.listens || saboteur.has('listener') || saboteur.has('within')) listenToAll(client, saboteur)
      const free = { inFlight: [0, 0], limit: scene.limit ? 0 : undefined }
      try {
        const callers = ['a', 'b', 'c', 'd', 'e', 'f']
        const calls = Promise.allSettled(callers.map((caller) => callAs(caller, client, door, saboteur)))
        if (closesEarly) {
          await sleep(1)
          await client.close()
        }
        for (const [index, end] of (await calls).entries()) {
          if (end.status === 'fulfilled') expect([undefined, `for ${callers[index]}`]).toContain(end.value)
        }
        if (closesEarly) return
        client.explain('/x')
        await waitFor(() => expect(held(client)).toEqual(free))

        saboteur.armed = false
        for (const server of servers) server.behave(answer)
        expect(await recovery(() => callAs('z', client, door, saboteur), client)).toEqual([
          'for z',
          'closed',
          'closed',
        ])
        await waitFor(() => expect(held(client)).toEqual(free))
      } finally {
        await client.close()
        await turn()
        expect(unheard.splice(0)).toEqual([])
      }
    }),
    // Shrinking takes longer than it is worth: the scene says it all.
    { numRuns: 60, endOnFailure: true },
  )
}, 120_000)
