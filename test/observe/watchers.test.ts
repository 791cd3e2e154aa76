import { once } from 'node:events'
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { request } from 'undici'
import { createClient, createFetch, fixed, type Client, type ClientEvents } from '../../src/index.ts'
import { watch, type Watcher } from '../../src/observe/watchers.ts'
import { hang, ok, refusedUrl, reply, startServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

interface Heard extends Watcher {
  readonly calls: string[]
  readonly attempts: string[]
  readonly events: string[]
}

function watcherOf(...names: (keyof ClientEvents)[]): Heard {
  const [calls, attempts, events]: string[][] = [[], [], []]
  return {
    calls: calls!,
    attempts: attempts!,
    events: events!,
    names: new Set(names),
    event: (name) => events!.push(name),
    call: (service, route, _method, outcome, ms) => calls!.push(`${service} ${route} ${outcome} ${ms >= 0}`),
    attempt: (service, _route, { id }, outcome, ms) =>
      attempts!.push(`${service} ${id} ${outcome} ${ms >= 0}`),
  }
}

/** Makes one call through each door, and one with each outcome. */
async function callAll(client: Client): Promise<void> {
  const quiet = (): void => {}
  await (await client('/ok')).text()
  await (await client('/failing')).text()
  await (await client.request('/ok')).body.text()
  await client.execute(() => Promise.resolve(1), { route: 'GET /ok' })
  await client.execute(() => Promise.reject(new Error('boom'))).catch(quiet)
  await (await request('http://svc/ok', { dispatcher: client.dispatcher })).body.text()
  await client('/hanging', { signal: AbortSignal.timeout(20) }).catch(quiet)
  await client('/hanging', { signal: AbortSignal.abort() }).catch(quiet)
  await client('/slow').catch(quiet)
  await Promise.all(Array.from({ length: 3 }, async () => (await client('/shared')).text()))
  client.isolate('a', { force: true })
  await client('/ok').catch(quiet)
  await request('http://svc/ok', { dispatcher: client.dispatcher }).catch(quiet)
}

it('a watcher counts the same calls and attempts as listeners to the events', async () => {
  await using server = await startServer((incoming, response) => {
    const path = incoming.url ?? ''
    if (path === '/failing') return reply(500)(incoming, response)
    return /hanging|slow/.test(path) ? hang(incoming, response) : ok(incoming, response)
  })
  const source = fixed([{ id: 'a', url: server.url }])
  const routes = {
    'GET /ok': {},
    'GET /slow': { timeout: { total: 30 } },
    'GET /shared': { coalesce: true },
  }
  const make = (): Client => createClient({ service: 'svc', source, retry: false, breaker: false, routes })

  await using watched = make()
  const alone = watcherOf()
  const stop = watched[watch](alone)
  await callAll(watched)

  await using both = make()
  const beside = watcherOf()
  both[watch](beside)
  const calls: string[] = []
  const attempts: string[] = []
  both.on('call', ({ service, route, outcome, duration }) =>
    calls.push(`${service} ${route} ${outcome} ${duration >= 0}`),
  )
  both.on('attempt', ({ service, instance, outcome, duration }) =>
    attempts.push(`${service} ${instance.id} ${outcome} ${duration >= 0}`),
  )
  await callAll(both)

  expect(calls).toHaveLength(14)
  expect(new Set(calls.map((call) => call.split(' ').at(-2)))).toEqual(
    new Set(['success', 'failure', 'timeout', 'aborted', 'refused']),
  )
  for (const heard of [alone, beside]) expect(heard.calls.toSorted()).toEqual(calls.toSorted())
  expect(beside.attempts.toSorted()).toEqual(attempts.toSorted())
  // Who is responsible for a timeout depends on the speed of other calls, so it differs between runs.
  const certain = (all: string[]): string[] => all.filter((each) => each.includes('success'))
  expect(certain(alone.attempts)).toEqual(certain(attempts))
  expect(alone.attempts).toHaveLength(attempts.length)

  stop()
  stop()
  watched.restore('a')
  await (await watched('/ok')).text()
  expect(alone.calls).toHaveLength(calls.length)
})

it('two watchers get the same values; if one throws it is a warning, and off() removes neither', async () => {
  await using server = await startServer(reply(500))
  await using client = createClient({
    service: 'svc',
    source: fixed([{ id: 'a', url: server.url }]),
    retry: false,
    breaker: { failureThreshold: 1 },
  })
  const throwing: Watcher = {
    ...watcherOf('breaker:open'),
    event: () => {
      throw new Error('boom')
    },
  }
  const other = watcherOf('breaker:open')
  client[watch](throwing)
  const stop = client[watch](other)
  client.off('breaker:open')
  const warned = once(process, 'warning') as Promise<[Error & { code: string }]>
  await (await client('/x')).text()
  const [{ code }] = await warned
  expect(code).toBe('OUTRIGGER_LISTENER')
  expect(other.events).toEqual(['breaker:open'])
  expect(other.calls).toEqual(['svc undefined failure true'])
  stop()
})

it('a listener beside a watcher runs in the call’s context, and a call goes on when the watcher is removed', async () => {
  await using server = await startServer(async (_incoming, response) => {
    await sleep(20)
    response.end('ok')
  })
  await using client = createClient({ service: 'svc', source: fixed([server.url]) })
  const stop = client[watch](watcherOf())
  const store = new AsyncLocalStorage<string>()
  const answer = store.run('light', () => client('/1'))
  stop()
  expect(await (await answer).text()).toBe('ok')

  client[watch](watcherOf())
  const seen: (string | undefined)[] = []
  client.on('attempt', () => seen.push(store.getStore()))
  await store.run('mine', () => client('/2'))
  expect(seen).toEqual(['mine'])
})

it('a watcher of an application also gets calls of services added later, and none after it is removed', async () => {
  await using server = await startServer(ok)
  await using app = createFetch({ source: fixed([server.url]), services: { a: {}, b: {}, c: {} } })
  await (await app('http://a/')).text()
  const heard = watcherOf()
  const stop = app[watch](heard)
  await (await app('http://a/')).text()
  await (await app('http://b/')).text()
  expect(heard.calls).toEqual(['a undefined success true', 'b undefined success true'])
  stop()
  await (await app('http://a/')).text()
  await (await app('http://c/')).text()
  expect(heard.calls).toHaveLength(2)
})

it('a call whose client is closed during it is counted once', async () => {
  const client = createClient({
    service: 'svc',
    source: fixed([await refusedUrl()]),
    drainTimeout: 10,
    retry: { attempts: 3 },
  })
  const heard = watcherOf('call:retry')
  client[watch](heard)
  const answers = Promise.allSettled([client('/1'), client.execute(() => new Promise(() => {}))])
  await until(() => heard.attempts.length > 0)
  await client.close()
  await answers
  expect(heard.calls).toHaveLength(2)
})
