import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { hang, ok, reply, startServer, type Answer, type TestServer } from '../support/http-server.ts'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'
import { until } from '../support/until.ts'
import { cert, startSecureServer } from '../support/tls.ts'

/** Answers health requests with `health`, and all others with 200. */
function byPath(health: Answer): Answer {
  return (request, response) =>
    request.url === '/healthz' ? health(request, response) : ok(request, response)
}

const HEALTH = { path: '/healthz', interval: 100, timeout: 400 } as const

function clientOf(servers: readonly TestServer[], options: Partial<ClientOptions> = {}): Client {
  return createClient({
    service: 'user-service',
    source: fixed(servers.map(({ url }, index) => ({ id: 'abc'.charAt(index), url }))),
    health: HEALTH,
    ...options,
  })
}

const healthOf = (client: Client, id: string): string | undefined =>
  client.snapshot().instances.find(({ instance }) => instance.id === id)?.health?.state

test.each<[string, Answer]>([
  ['says 503', reply(503)],
  ['hangs', hang],
  ['cuts the connection', (request) => request.socket.resetAndDestroy()],
])('an instance whose check %s gets no call, before a call fails', async (_what, sick) => {
  await using a = await startServer(byPath(ok))
  await using b = await startServer(byPath(ok))
  await using client = clientOf([a, b])
  const events: string[] = []
  client.on('instance:unhealthy', ({ instance, reason, failures }) =>
    events.push(`unhealthy ${instance.id} ${reason} ${failures}`),
  )
  client.on('instance:healthy', ({ instance, unhealthyFor }) =>
    events.push(`healthy ${instance.id} ${unhealthyFor > 0}`),
  )
  await (await client('/')).text()
  await until(() => healthOf(client, 'a') === 'healthy' && healthOf(client, 'b') === 'healthy')
  a.behave(byPath(sick))
  await until(() => healthOf(client, 'a') === 'unhealthy')
  expect(events).toEqual([expect.stringMatching(/^unhealthy a (status|timeout|error) 3$/)])
  const explained = client.explain()
  expect(explained.instances[0]).toMatchObject({ state: 'unhealthy', mayBePicked: false })
  expect(explained.instances[0]?.why).toMatch(/its health checks failed, \d+ in a row: /)
  const before = a.requests.filter((each) => each === 'GET /').length
  for (let call = 0; call < 20; call++) await (await client('/')).text()
  expect(a.requests.filter((each) => each === 'GET /').length).toBe(before)
  a.behave(byPath(ok))
  await until(() => healthOf(client, 'a') === 'healthy')
  expect(events[1]).toBe('healthy a true')
})

test('checks do not affect load, counts, events and latencies, and send none of the caller’s headers', async () => {
  await using a = await startServer(byPath(ok))
  await using client = clientOf([a], { headers: { authorization: 'mine' }, balance: (list) => list[0] })
  const events: string[] = []
  for (const name of ['attempt', 'call', 'attempt:start', 'call:start'] as const)
    client.on(name, () => events.push(name))
  await (await client('/')).text()
  const before = client.snapshot()
  await a.seen(5)
  const [instance] = client.snapshot().instances
  expect(instance).toMatchObject({ inFlight: 0, pending: 0, settled: before.instances[0]?.settled as object })
  expect(instance?.latency).toBe(before.instances[0]?.latency)
  expect(events).toEqual(['call:start', 'attempt:start', 'attempt', 'call'])
  expect(a.headers.slice(1).every((each) => each.authorization === undefined)).toBe(true)
  expect(a.headers.slice(1).every((each) => each.host === 'user-service')).toBe(true)
})

test('listeners get health events outside of the context of a call', async () => {
  await using a = await startServer(byPath(ok))
  await using b = await startServer(byPath(reply(503)))
  await using client = clientOf([a, b])
  const context = new AsyncLocalStorage<string>()
  const heard: (string | undefined)[] = []
  client.on('instance:unhealthy', () => heard.push(context.getStore()))
  await context.run('caller', async () => (await client('/')).text())
  await until(() => heard.length > 0)
  expect(heard).toEqual([undefined])
})

test('a listener that throws does not end the checks', async () => {
  await using a = await startServer(byPath(ok))
  await using b = await startServer(byPath(reply(503)))
  await using client = clientOf([a, b])
  const warned = new Promise((resolve) => process.once('warning', resolve))
  client.on('instance:unhealthy', () => {
    throw new Error('mine')
  })
  await (await client('/')).text()
  await warned
  b.behave(byPath(ok))
  await until(() => healthOf(client, 'b') === 'healthy')
  expect(healthOf(client, 'a')).toBe('healthy')
})

test('update() turns checks on, changes them, and turns them off', async () => {
  await using a = await startServer(byPath(ok))
  await using b = await startServer((request, response) => {
    response.statusCode = request.url === '/live' ? 200 : 503
    response.end()
  })
  await using client = clientOf([a, b], { health: false })
  const call = async (): Promise<unknown> => (await client('/')).text()
  await call()
  expect(client.snapshot().instances[0]).not.toHaveProperty('health')
  client.update({ health: HEALTH })
  await call()
  await until(() => healthOf(client, 'b') === 'unhealthy')
  client.update({ health: { ...HEALTH, path: '/live' } })
  await call()
  await until(() => healthOf(client, 'b') === 'healthy')
  expect(() => client.update({ health: { path: 'nope' } })).toThrow('health.path')
  expect(healthOf(client, 'b')).toBe('healthy')
  client.update({ health: false })
  // One check that was sent before the update may reach the server after it, but not more.
  const before = a.requests.length
  await new Promise((resolve) => setTimeout(resolve, 350))
  expect(a.requests.length - before).toBeLessThanOrEqual(1)
  expect(client.snapshot().instances[0]).not.toHaveProperty('health')
})

test('close() ends checks that hang', async () => {
  await using a = await startServer(byPath(hang))
  const client = clientOf([a], { health: { ...HEALTH, timeout: 60_000 } })
  await (await client('/')).text()
  await a.seen(2)
  await client.close()
  await until(() => a.open === 0)
  expect(a.open).toBe(0)
})

test('works without breakers too', async () => {
  await using a = await startServer(byPath(reply(503)))
  await using b = await startServer(byPath(ok))
  await using client = clientOf([a, b], { breaker: false })
  await (await client('/')).text()
  await until(() => healthOf(client, 'a') === 'unhealthy')
  const before = a.requests.filter((each) => each === 'GET /').length
  for (let call = 0; call < 10; call++) await (await client('/')).text()
  expect(a.requests.filter((each) => each === 'GET /').length).toBe(before)
})

test('tcp detects an instance that is gone, with TLS and without', async () => {
  await using server = await startSecureServer()
  await using client = createClient({
    service: 'user-service',
    source: fixed([server.url, 'https://127.0.0.1:1']),
    transport: { connect: { ca: cert } },
    health: { tcp: true, interval: 100, unhealthyThreshold: 1 },
  })
  await (await client('/', { method: 'POST', body: 'x' })).text()
  await until(() => client.snapshot().instances[1]?.health?.state === 'unhealthy')
  expect(client.snapshot().instances[0]?.health?.state).not.toBe('unhealthy')
})

test(
  'checks do not keep the process alive, even when one hangs',
  async () => {
    await using a = await startServer(byPath(hang))
    const { stdout, code } = await runChild(`
      import { createClient, fixed } from './src/index.ts'
      const health = { path: '/healthz', interval: 100, timeout: 60_000 }
      const client = createClient({ service: 'svc', source: fixed(['${a.url}']), health })
      await (await client('/')).text()
      await new Promise((resolve) => setTimeout(resolve, 300))
      console.log('done')
    `)
    expect({ stdout, code }).toEqual({ stdout: 'done\n', code: 0 })
    expect(a.requests).toContain('GET /healthz')
  },
  CHILD_TIMEOUT,
)
