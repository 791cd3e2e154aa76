import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { request as undiciRequest } from 'undici'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  createFetch,
  fixed,
  peakEwma,
  type AppFetch,
  type ClientEvents,
  type ServiceDefaults,
} from '../../src/index.ts'
import { EVENT_NAMES } from '../../src/observe/event-names.ts'
import { reset, startServer, truncate, type Answer, type TestServer } from '../support/http-server.ts'

// Whatever happens to a call, its answer, its events and its user code are its caller's: an application with redirects between
// its services, shared and kept answers, retries, hedges, queues, aborts, updates in the middle, on few connections.

const caller = new AsyncLocalStorage<string>()

/** What a server does with a request: the path says. */
const BEHAVIOURS = [
  'plain',
  'slow',
  'gzip',
  'private',
  'flaky',
  'reset',
  'truncated',
  'here',
  'there',
  'head',
  'silent',
] as const
type Behaviour = (typeof BEHAVIOURS)[number]

const DOORS = ['fetch', 'request', 'execute', 'dispatcher'] as const

interface Asked {
  readonly user: number
  readonly behaviour: Behaviour
  readonly service: 'a' | 'b'
  readonly door: (typeof DOORS)[number]
  readonly method: 'GET' | 'POST'
  readonly abortAfter: number | undefined
  readonly wait: number
}

const asked: fc.Arbitrary<Asked> = fc.record({
  user: fc.integer({ min: 0, max: 3 }),
  behaviour: fc.constantFrom(...BEHAVIOURS),
  service: fc.constantFrom('a', 'b'),
  door: fc.constantFrom(...DOORS),
  method: fc.constantFrom('GET', 'GET', 'GET', 'POST'),
  abortAfter: fc.option(fc.integer({ min: 0, max: 15 }), { nil: undefined, freq: 4 }),
  wait: fc.integer({ min: 0, max: 10 }),
})

interface Scene {
  readonly calls: readonly Asked[]
  readonly coalesce: boolean
  readonly stale: boolean
  readonly hedge: boolean
  readonly limit: boolean
  readonly way: 'fast' | 'platform'
  readonly updates: boolean
}

const scenes: fc.Arbitrary<Scene> = fc.record({
  calls: fc.array(asked, { minLength: 10, maxLength: 40 }),
  coalesce: fc.boolean(),
  stale: fc.boolean(),
  hedge: fc.boolean(),
  limit: fc.boolean(),
  way: fc.constantFrom('fast', 'platform'),
  updates: fc.boolean(),
})

const textOf = (request: Parameters<Answer>[0]): string => `for ${String(request.headers.authorization)}`

const whole: Answer = (request, response) => response.writeHead(200).end(textOf(request))

let turns = 0
const ANSWERS: Readonly<Record<Behaviour, Answer>> = {
  plain: whole,
  silent: () => {},
  slow: (request, response) => void setTimeout(() => whole(request, response), 8),
  gzip: (request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(textOf(request))),
  private: (request, response) => {
    setTimeout(() => response.writeHead(200, { 'cache-control': 'private' }).end(textOf(request)), 4)
  },
  flaky: (request, response) =>
    turns++ % 2 === 0 ? response.writeHead(503).end(textOf(request)) : whole(request, response),
  reset: (request, response) => (turns++ % 2 === 0 ? reset(request, response) : whole(request, response)),
  truncated: (request, response) =>
    turns++ % 2 === 0 ? truncate(request, response) : whole(request, response),
  here: (request, response) =>
    response
      .writeHead(302, { location: String(request.url).replace('/here', '/plain') })
      .end(textOf(request)),
  there: (request, response) =>
    response
      .writeHead(307, { location: `http://b${String(request.url).replace('/there', '/slow')}` })
      .end(textOf(request)),
  head: (request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' })
    whole(request, response)
  },
}

const serve: Answer = (request, response) => {
  const behaviour = /^\/(\w+)/.exec(request.url ?? '')?.[1] as Behaviour
  request.resume().on('end', () => ANSWERS[behaviour](request, response))
}

let servers: TestServer[] = []
beforeAll(async () => {
  servers = [await startServer(serve), await startServer(serve)]
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
})

function optionsOf({ coalesce, stale, hedge, limit, way }: Scene): ServiceDefaults {
  return {
    coalesce,
    fetch: way,
    balance: peakEwma(),
    ...(stale && { stale: { maxAge: 60_000 } }),
    ...(limit && { limit: { max: 4, queue: 50 } }),
    hedge: hedge ? { after: 3, max: 1 } : false,
    retry: { attempts: 3, backoff: 1, when: () => heardBy('retry.when') },
    classify: () => heardBy('classify'),
    budget: { ratio: 1, minPerSecond: 1000 },
    timeout: { total: 100, attempt: 40 },
    breaker: { openFor: 5 },
    transport: { connections: 2 },
    drainTimeout: 20,
  }
}

let seen: [what: string, owner: string | undefined, id: string | undefined][] = []
function heardBy(what: string, id?: string): undefined {
  seen.push([what, caller.getStore(), id])
  return undefined
}

async function ask(
  app: AppFetch<'a' | 'b'>,
  { user, behaviour, service, door, method, abortAfter }: Asked,
  name: string,
) {
  const token = `user ${user}`
  const headers = { authorization: token }
  // The same for all users: only the header tells who asks.
  const path = `/${behaviour}`
  // A dispatcher has no time limit of its own.
  const limit = abortAfter ?? (door === 'dispatcher' ? 100 : undefined)
  const signal = limit === undefined ? undefined : AbortSignal.timeout(limit)
  const body = method === 'POST' ? `body of ${name}` : undefined
  const init = { method, headers, ...(body !== undefined && { body }), ...(signal && { signal }) }
  const client = app.services[service]
  if (door === 'request') {
    const answer = await client.request(path, init)
    return textOfBytes(await answer.body.arrayBuffer(), behaviour)
  }
  if (door === 'dispatcher') {
    const answer = await undiciRequest(`http://${service}${path}`, { ...init, dispatcher: client.dispatcher })
    return textOfBytes(await answer.body.arrayBuffer(), behaviour)
  }
  if (door === 'execute') {
    return client.execute(
      async ({ url }, context) => {
        heardBy('execute', undefined)
        const answer = await fetch(url + path, {
          ...(init as RequestInit),
          redirect: 'manual',
          signal: context.signal,
        })
        return { text: await answer.text() }
      },
      { ...(signal && { signal }) },
    )
  }
  const answer = await app(`http://${service}${path}`, init)
  return { text: await answer.text() }
}

/** undici decodes nothing. */
function textOfBytes(bytes: ArrayBuffer, behaviour: Behaviour): { text: string } {
  return { text: String(behaviour === 'gzip' ? gunzipSync(bytes) : Buffer.from(bytes)) }
}

it('each caller gets only responses, events and user code of its own calls', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      seen = []
      const app = createFetch({
        source: fixed(servers.map(({ url, host }) => ({ id: host, url }))),
        defaults: optionsOf(scene),
        services: { a: {}, b: {} },
      })
      const owners = new Map<string, Set<string | undefined>>()
      for (const event of EVENT_NAMES)
        app.on(event, (payload: ClientEvents[typeof event]) => {
          const { id } = payload as { id?: unknown }
          if (typeof id !== 'string') return
          heardBy(event, id)
          owners.set(id, (owners.get(id) ?? new Set()).add(caller.getStore()))
        })
      try {
        const calls = scene.calls.map(async (call, index) => {
          await sleep(call.wait)
          const name = `call ${index}`
          if (scene.updates && index % 7 === 3) {
            app.update({ defaults: { ...optionsOf(scene), headers: { 'x-round': String(index) } } })
          }
          const end = await caller.run(name, () =>
            ask(app, call, name).catch((error: unknown) => ({ error })),
          )
          if ('error' in end) return
          // A redirect to another origin leaves the token behind, as in fetch.
          const left = call.behaviour === 'there' && call.service === 'a'
          expect(left ? [`for user ${call.user}`, 'for undefined'] : [`for user ${call.user}`]).toContain(
            end.text,
          )
        })
        await Promise.all(calls)
        await turn()
        for (const [id, who] of owners)
          expect([id, [...who]]).toEqual([id, [expect.stringMatching(/^call \d+$/)]])
        for (const [what, owner] of seen)
          expect([what, owner]).toEqual([what, expect.stringMatching(/^call \d+$/)])
      } finally {
        await app.close()
      }
    }),
    { numRuns: 25, endOnFailure: true },
  )
}, 120_000)
