import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { createClient, createFetch, fixed, roundRobin, type Client } from '../../src/index.ts'
import { prometheus, type PrometheusOptions } from '../../src/prometheus.ts'
import { inOrder } from '../support/balance.ts'
import { hang, reply, startServer } from '../support/http-server.ts'

function clientOf(...urls: string[]): Client {
  return createClient({
    service: 'user-service',
    source: fixed(urls.map((url, index) => ({ id: `i${index}`, url }))),
    balance: inOrder,
    retry: { attempts: 2, backoff: { initial: 1, max: 1 } },
    breaker: { failureThreshold: 1, openFor: 60_000 },
    routes: { 'GET /users/{id}': {} },
  })
}

/** The samples of a scrape over HTTP, as Prometheus gets them. */
async function scrape(register: Registry): Promise<Map<string, number>> {
  const server = createServer((_request, response) => {
    void register.metrics().then((text) => response.end(text))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  server.close()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  )
}

describe('prometheus()', () => {
  it('shortens a very long instance id, and one that would break the scrape', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const ids = ['x'.repeat(10_000), 'a\0b\r\nc']
    const source = fixed(ids.map((id) => ({ id, url: server.url })))
    await using client = createClient({ service: 'svc', source, balance: roundRobin() })
    const register = new Registry()
    prometheus(client, { register, instances: true })
    await client('/')
    await client('/')
    const text = await register.metrics()
    expect(text).toContain(`instance="${'x'.repeat(127)}…"`)
    expect(text).toContain('instance="a\\\\u0000b c"')
    expect(text.includes('\0') || text.includes('\r')).toBe(false)
  })

  it('goes on when the client’s listeners are removed, and is removed only by its own function', async () => {
    await using server = await startServer(reply(200, 'ok'))
    await using client = clientOf(server.url)
    const register = new Registry()
    const stop = prometheus(client, { register })
    client.off('call')
    client.off('attempt')
    await (await client('/users/1')).text()
    const counted =
      'outrigger_attempts_total{service="user-service",route="GET /users/{id}",outcome="success"}'
    expect((await scrape(register)).get(counted)).toBe(1)
    stop()
    await (await client('/users/1')).text()
    expect(await register.metrics()).toBe('\n')
  })

  it('counts the same with exemplars, in the context of the calls, as without', async () => {
    await using broken = await startServer(reply(503))
    await using healthy = await startServer(reply(200, 'ok'))
    const counts = async (options: PrometheusOptions): Promise<Map<string, number>> => {
      const register = new Registry()
      if (options.exemplars) register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
      await using client = clientOf(broken.url, healthy.url)
      const stop = prometheus(client, { ...options, register, instances: true })
      for (const path of ['/users/1', '/users/2', '/other']) await (await client(path)).text()
      await client.execute(() => Promise.reject(new Error('boom'))).catch(() => {})
      await client('/users/3', { signal: AbortSignal.abort() }).catch(() => {})
      const samples = (await register.metrics()).matchAll(/^(\S+_(?:total|count)\{[^}]*\}) (\d+)/gm)
      stop()
      return new Map([...samples].map(([, name = '', value]) => [name, Number(value)]))
    }
    const without = await counts({})
    expect(without.size).toBeGreaterThan(4)
    expect(await counts({ exemplars: () => ({ trace_id: 'a' }) })).toEqual(without)
  })

  it('measures calls, attempts, retries, refusals, transitions, and gauges at each scrape', async () => {
    await using broken = await startServer(reply(503))
    await using healthy = await startServer(reply(200, 'ok'))
    await using client = clientOf(broken.url, healthy.url)
    const register = new Registry()
    prometheus(client, { register })
    expect(await (await client('/users/42')).text()).toBe('ok')
    client.isolate('i1', { force: true })
    await client('/users/43').catch(() => {})
    const samples = await scrape(register)
    const about = 'service="user-service",route="GET /users/{id}"'
    expect(
      samples.get(`outrigger_call_duration_seconds_count{${about},method="GET",outcome="success"}`),
    ).toBe(1)
    expect(samples.get(`outrigger_attempts_total{${about},outcome="failure"}`)).toBeGreaterThanOrEqual(1)
    expect(samples.get(`outrigger_attempts_total{${about},outcome="success"}`)).toBe(1)
    expect(samples.get(`outrigger_retries_total{${about}}`)).toBeGreaterThanOrEqual(1)
    expect(samples.get('outrigger_breaker_transitions_total{service="user-service",to="open"}')).toBe(1)
    expect(samples.get('outrigger_instances{service="user-service",state="open"}')).toBe(1)
    expect(samples.get('outrigger_in_flight{service="user-service"}')).toBe(0)
    expect(samples.get('outrigger_source_stale{service="user-service"}')).toBe(0)
    expect([...samples.keys()].some((key) => key.includes('127.0.0.1'))).toBe(false)
  })

  it('counts refusals by their code', async () => {
    await using client = clientOf()
    const register = new Registry()
    prometheus(client, { register })
    await client.ready()
    await client('/').catch(() => {})
    const samples = await scrape(register)
    expect(
      samples.get(
        'outrigger_refusals_total{service="user-service",route="",reason="ERR_OUTRIGGER_NO_INSTANCE"}',
      ),
    ).toBe(1)
  })

  it('reads the queue, the budget, and how long the registry has failed', async () => {
    await using server = await startServer(hang)
    let isAway = false
    await using client = createClient({
      service: 'user-service',
      source: {
        async *watch(_service, { signal }) {
          if (isAway) throw new Error('away')
          yield [{ id: 'a', url: server.url }]
          await server.seen(1)
          isAway = !signal.aborted
        },
      },
      limit: { max: 1, queue: 5 },
      budget: { minPerSecond: 3 },
    })
    await client.ready()
    const register = new Registry()
    prometheus(client, { register })
    const before = await scrape(register)
    expect(before.get('outrigger_budget_left{service="user-service"}')).toBe(30)
    expect(before.get('outrigger_source_stale_seconds{service="user-service"}')).toBe(0)
    const abort = new AbortController()
    const stale = new Promise((resolve) => client.once('source:stale', resolve))
    const calls = ['/a', '/b', '/c'].map((path) => client(path, { signal: abort.signal }).catch(() => {}))
    await stale
    await new Promise((resolve) => setTimeout(resolve, 2))
    const samples = await scrape(register)
    expect(samples.get('outrigger_queued{service="user-service"}')).toBe(2)
    expect(samples.get('outrigger_in_flight{service="user-service"}')).toBe(1)
    expect(samples.get('outrigger_source_stale{service="user-service"}')).toBe(1)
    expect(samples.get('outrigger_source_stale_seconds{service="user-service"}')).toBeGreaterThan(0)
    abort.abort()
    await Promise.all(calls)
  })

  it('measures an app-wide fetch with all its services, and several clients together', async () => {
    await using server = await startServer(reply(200, 'ok'))
    await using app = createFetch({ source: fixed([server.url]), services: { a: {}, b: {} } })
    await using client = clientOf(server.url)
    const register = new Registry()
    prometheus([app, client], { register, prefix: 'calls_', instances: true })
    await app('http://a/')
    await app('http://b/')
    await client('/')
    const samples = await scrape(register)
    for (const service of ['a', 'b', 'user-service']) {
      expect(samples.get(`calls_instances{service="${service}",state="closed"}`)).toBe(1)
    }
    expect(
      [...samples.keys()].some(
        (key) => key.startsWith('calls_attempts_total') && key.includes('instance="i0"'),
      ),
    ).toBe(true)
  })

  it('limits the number of series, whatever callers request', async () => {
    await using server = await startServer(reply(200, 'ok'))
    await using client = clientOf(server.url)
    const register = new Registry()
    prometheus(client, { register })
    for (let call = 0; call < 250; call++) {
      await client.execute(() => 'ok', { route: `GET /r${call}/{id}` })
      // The server closes the connection each time, otherwise 250 of them would take seconds.
      if (call % 25 === 0) await client(`/?${call}`, { method: `M${call}` }).catch(() => {})
    }
    const samples = await scrape(register)
    const counts = [...samples.keys()].filter((key) =>
      key.startsWith('outrigger_call_duration_seconds_count'),
    )
    expect(counts.length).toBeLessThan(210)
    expect(counts.some((key) => key.includes('route="other"'))).toBe(true)
    expect(counts.some((key) => key.includes('method="other"'))).toBe(true)
  })

  it('stops, and can be started again', async () => {
    await using server = await startServer(reply(200, 'ok'))
    await using client = clientOf(server.url)
    const register = new Registry()
    const stop = prometheus(client, { register })
    expect(() => prometheus(client, { register })).toThrow(/already registered: pass all clients at once/)
    stop()
    expect(await scrape(register)).toEqual(new Map())
    prometheus(client, { register })()
  })

  it.each<[object, string]>([
    [{ prefix: '1 x' }, 'prometheus().prefix must be'],
    [{ bucket: [1] }, 'bucket'],
  ])('refuses %o', async (options, message) => {
    await using client = clientOf()
    expect(() => prometheus(client, options as PrometheusOptions)).toThrow(message)
    expect(() => prometheus({} as Client)).toThrow('prometheus(client)')
  })
})
