import { AsyncLocalStorage } from 'node:async_hooks'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { serveDashboard } from '../../src/dashboard.ts'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { prometheus } from '../../src/prometheus.ts'
import { openStream } from '../dashboard/pages.ts'
import { hang, reply, startServer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const service = 'user-service'
const to = { version: 'v2' }
let old: TestServer
let next: TestServer

beforeEach(async () => {
  old = await startServer(reply(200, 'old'))
  next = await startServer(reply(200, 'next'))
})
afterEach(async () => {
  await old.close()
  await next.close()
})

/** A client whose calls go to v1 only. */
async function connect(options: Partial<ClientOptions>): Promise<Client> {
  const instances = [
    { id: 'old', url: old.url, metadata: { version: 'v1' } },
    { id: 'next', url: next.url, metadata: { version: 'v2' } },
  ]
  const client = createClient({
    service,
    source: fixed(instances),
    traffic: [{ to, share: 0 }],
    ...options,
  })
  await client.ready()
  return client
}

const call = async (client: Client, path: string): Promise<string> => (await client(path)).text()
const samplesOf = async (register: Registry): Promise<string[]> =>
  (await register.metrics()).split('\n').filter((line) => line.startsWith('outrigger_mirror_copies_total'))

/** Makes three calls: the copy of the first fails, that of the second is in flight, that of the third is dropped. */
async function threeCalls(client: Client): Promise<void> {
  next.behave(reply(500), hang)
  await call(client, '/users/1')
  await until(() => client.snapshot().mirror?.failed === 1)
  await call(client, '/users/2')
  await next.seen(2)
  await call(client, '/users/3')
}

it('explain() shows the copies of the current plan, as data and as text', async () => {
  const routes = { 'GET /never': { mirror: false }, 'GET /own': { mirror: { to, share: 0.005 } } } as const
  await using client = await connect({ mirror: { to, max: 1, timeout: 60_000 }, routes })
  await threeCalls(client)
  const told = client.explain('/users/9')
  const mirror = {
    to: 'version v2',
    share: 1,
    inFlight: 1,
    sent: 2,
    failed: 1,
    dropped: 1,
    instances: 1,
  }
  expect(told.mirror).toEqual(mirror)
  expect(client.explain().mirror).toEqual(mirror)
  expect(JSON.parse(JSON.stringify(told))).toMatchObject({ mirror })
  const text = 'mirror: 100 % to version v2, 1 instance: 2 copies sent, 1 under way, 1 failed, 1 dropped'
  expect(String(told).split('\n')).toContain(text)
  expect(client.explain('GET /never')).not.toHaveProperty('mirror')
  expect(String(client.explain('GET /never'))).not.toContain('mirror')
  expect(client.explain('GET /own').mirror).toMatchObject({ share: 0.005, sent: 0 })
  expect(String(client.explain('GET /own'))).toContain('mirror: 0.5 % to version v2')
})

it('an event reports each dropped copy, in the context of its own call', async () => {
  const user = new AsyncLocalStorage<string>()
  next.behave(hang)
  await using client = await connect({ mirror: { to, max: 1, timeout: 60_000 } })
  const told: unknown[] = []
  client.on('mirror:dropped', (event) => told.push([user.getStore(), event]))
  await call(client, '/first')
  await Promise.all(['ann', 'bob'].map((name) => user.run(name, () => call(client, `/${name}?token=1`))))
  expect(told).toHaveLength(2)
  for (const name of ['ann', 'bob']) {
    const event = { service, at: expect.any(Number), id: expect.any(String), method: 'GET', path: `/${name}` }
    expect(told).toContainEqual([name, event])
  }
})

it('nothing is dropped if no instance could have got the copy', async () => {
  await using client = await connect({ mirror: { to, max: 1, timeout: 60_000 } })
  await threeCalls(client)
  client.isolate('next')
  await call(client, '/users/4')
  expect(client.snapshot().mirror).toMatchObject({ sent: 2, dropped: 1 })
})

it('Prometheus counts copies by outcome, and calls and attempts as without a mirror', async () => {
  await using client = await connect({
    mirror: { to, max: 1, timeout: 60_000 },
    routes: { 'GET /users/{id}': {} },
  })
  const register = new Registry()
  prometheus(client, { register })
  await threeCalls(client)
  client.update({ mirror: { to } })
  next.behave(reply(200))
  await call(client, '/other')
  await until(() => client.snapshot().mirror?.inFlight === 0)
  const about = `service="${service}",route="GET /users/{id}"`
  expect((await samplesOf(register)).toSorted()).toEqual([
    `outrigger_mirror_copies_total{service="${service}",route="",outcome="success"} 1`,
    `outrigger_mirror_copies_total{${about},outcome="dropped"} 1`,
    `outrigger_mirror_copies_total{${about},outcome="failure"} 1`,
  ])
  const text = await register.metrics()
  expect(text).toContain(`outrigger_attempts_total{${about},outcome="success"} 3`)
  expect(text).toContain(`outrigger_call_duration_seconds_count{${about},method="GET",outcome="success"} 3`)
  expect(text).toContain(`outrigger_in_flight{service="${service}"} 0`)
})

it('the dashboard shows the mirrors of the client and its routes', async () => {
  const routes = { 'GET /own/{id}': { mirror: { to, share: 0.5 } } } as const
  await using client = await connect({ mirror: { to, max: 1, timeout: 60_000 }, routes })
  await using page = await serveDashboard(client)
  await threeCalls(client)
  using stream = await openStream(`${page.url}events`)
  const { frame } = await stream.until(({ services }) => (services as unknown[]).length === 1)
  const [shown] = frame['services'] as { mirrors: unknown; calls: number }[]
  expect(shown?.mirrors).toEqual([
    {
      name: 'the client',
      to: 'version v2',
      share: 1,
      inFlight: 1,
      sent: 2,
      failed: 1,
      dropped: 1,
      instances: 1,
    },
    {
      name: 'GET /own/{id}',
      to: 'version v2',
      share: 0.5,
      inFlight: 0,
      sent: 0,
      failed: 0,
      dropped: 0,
      instances: 1,
    },
  ])
})
