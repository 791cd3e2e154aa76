import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { request as undiciRequest } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createClient,
  MemoryRegistry,
  type Client,
  type ClientOptions,
  type MirrorEvent,
  type MirrorOptions,
} from '../../src/index.ts'
import {
  hang,
  redirect,
  refusedUrl,
  reply,
  reset,
  stall,
  startServer,
  truncate,
  type TestServer,
} from '../support/http-server.ts'
import { startMuteServer } from '../support/mute-server.ts'
import { until } from '../support/until.ts'

const service = 'user-service'
let registry: MemoryRegistry
let old: TestServer
let next: TestServer

beforeEach(async () => {
  registry = new MemoryRegistry({ ttl: 60_000 })
  old = await startServer(reply(200, 'old'))
  next = await startServer(reply(200, 'next'))
  registry.register(service, { id: 'old', url: old.url, metadata: { version: 'v1' } })
  registry.register(service, { id: 'next', url: next.url, metadata: { version: 'v2' } })
})
afterEach(async () => {
  await old.close()
  await next.close()
})

const to = { version: 'v2' }

/** A client whose calls go to v1 only. */
async function connect(mirror: MirrorOptions | false, options: Partial<ClientOptions> = {}): Promise<Client> {
  const traffic = [{ to: { version: 'v2' }, share: 0 }]
  const client = createClient({ service, source: registry, traffic, mirror, ...options })
  await client.ready()
  return client
}

/** Returns the copies of a client, as its events report them. */
function eventsOf(client: Client): MirrorEvent[] {
  const events: MirrorEvent[] = []
  client.on('mirror', (event) => events.push(event))
  return events
}

const text = async (answer: Promise<Response>): Promise<string> => (await answer).text()

describe('a copy', () => {
  it('goes to the other instances with a mark and the headers of the request; the caller gets the first response', async () => {
    await using client = await connect({ to }, { headers: { 'x-key': 'secret' }, attemptHeader: 'x-attempt' })
    const events = eventsOf(client)
    const headers = { authorization: 'Bearer ann', 'x-user': 'ann' }
    expect(await text(client('/users?page=2', { headers }))).toBe('old')
    await until(() => events.length === 1)
    expect(next.requests).toEqual(['GET /users?page=2'])
    const { host, connection: _hop, ...own } = old.headers[0] ?? {}
    expect(next.headers[0]).toMatchObject({ ...own, host, 'x-outrigger-mirror': '1', 'x-attempt': '1' })
    expect(host).toBe(service)
    expect(old.headers[0]).not.toHaveProperty('x-outrigger-mirror')
    expect(events[0]).toMatchObject({
      service,
      instance: { id: 'next' },
      method: 'GET',
      path: '/users',
      status: 200,
    })
    expect(events[0]?.duration).toBeGreaterThanOrEqual(0)
    expect(client.snapshot().mirror).toEqual({
      to: 'version v2',
      share: 1,
      inFlight: 0,
      sent: 1,
      failed: 0,
      dropped: 0,
      instances: 1,
    })
  })

  it('is made on each door except execute(), only for GET, HEAD and OPTIONS', async () => {
    await using client = await connect({ to })
    for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) await text(client('/fetch', { method }))
    await (await client.request('/request')).body.dump()
    await (await undiciRequest(`http://${service}/dispatcher`, { dispatcher: client.dispatcher })).body.dump()
    await text(client(new Request(`http://${service}/a-request`)))
    await until(() => next.requests.length === 6)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      await text(client('/no', { method, ...(method === 'DELETE' ? {} : { body: 'x' }) }))
    }
    const body = { method: 'GET', body: 'x' } as const
    await (
      await undiciRequest(`http://${service}/no`, { ...body, dispatcher: client.dispatcher })
    ).body.dump()
    expect(await client.execute(({ id }) => id)).toBe('old')
    await sleep(20)
    expect(next.requests.toSorted()).toEqual(
      [
        'GET /fetch',
        'HEAD /fetch',
        'OPTIONS /fetch',
        'GET /request',
        'GET /dispatcher',
        'GET /a-request',
      ].toSorted(),
    )
  })

  it('is made once for a call: not for its retries, hedges and redirects', async () => {
    old.behave(reply(503), redirect('/moved', 307), reply(200, 'moved'))
    await using client = await connect({ to }, { budget: { minPerSecond: 100 }, breaker: false })
    expect(await text(client('/start'))).toBe('moved')
    old.behave((_request, response) => setTimeout(() => response.end('slow'), 60))
    registry.register(service, { id: 'old-2', url: old.url, metadata: { version: 'v1' } })
    client.update({ hedge: { after: 5 } })
    expect(await text(client('/hedged'))).toBe('slow')
    await sleep(20)
    expect(next.requests).toEqual(['GET /start', 'GET /hedged'])
    expect(old.requests.length).toBeGreaterThanOrEqual(4)
  })

  it('is not made of another copy', async () => {
    await using client = await connect({ to })
    await text(client('/', { headers: { 'X-Outrigger-Mirror': '1' } }))
    await sleep(20)
    expect(next.requests).toEqual([])
  })

  it('is made of a fraction of the requests, and only of those that match', async () => {
    await using client = await connect({
      to,
      share: 0.25,
      when: { header: { 'x-user': 'ann' }, percent: 80 },
    })
    for (let call = 0; call < 200; call++) {
      await text(client('/', { headers: { 'x-user': call % 2 === 0 ? 'ann' : 'bob' } }))
    }
    await until(() => client.snapshot().mirror?.inFlight === 0)
    expect(next.requests.length).toBeGreaterThan(4)
    expect(next.requests.length).toBeLessThan(45)
    expect(new Set(next.headers.map((each) => each['x-user']))).toEqual(new Set(['ann']))
    expect(client.snapshot().mirror?.share).toBeCloseTo(0.2)
  })

  it('has the headers of its request, although the caller changes them at once, and nothing of another caller', async () => {
    await using client = await connect({ to, max: 64 }, { transport: { connections: 1 } })
    const headers: Record<string, string> = {}
    const calls = Array.from({ length: 30 }, (_, user) => {
      headers['x-user'] = `user ${user}`
      headers[`x-only-${user}`] = 'yes'
      const call =
        user % 2 === 0
          ? text(client(`/${user}`, { headers }))
          : client.request(`/${user}`, { headers }).then(({ body }) => body.text())
      delete headers[`x-only-${user}`]
      return call
    })
    await Promise.all(calls)
    await until(() => next.requests.length === 30)
    for (const [index, line] of next.requests.entries()) {
      const user = line.slice('GET /'.length)
      expect(next.headers[index]?.['x-user']).toBe(`user ${user}`)
      const marks = Object.keys(next.headers[index] ?? {}).filter((name) => name.startsWith('x-only-'))
      expect(marks).toEqual([`x-only-${user}`])
    }
  })

  it('is reported in the context of its own call', async () => {
    const user = new AsyncLocalStorage<string>()
    await using client = await connect({ to })
    const heard: unknown[] = []
    client.on('mirror', ({ path }) => heard.push([path, user.getStore()]))
    await Promise.all(['ann', 'bob', 'eve'].map((name) => user.run(name, () => text(client(`/${name}`)))))
    await until(() => heard.length === 3)
    expect(heard).toEqual(
      expect.arrayContaining([
        ['/ann', 'ann'],
        ['/bob', 'bob'],
        ['/eve', 'eve'],
      ]),
    )
  })
})

describe('a mirror that fails costs the callers nothing', () => {
  it.each([
    ['hangs', hang, { error: expect.objectContaining({ name: 'TimeoutError' }) }],
    ['resets', reset, { error: expect.anything() }],
    ['stalls', stall, { status: 200, error: expect.objectContaining({ name: 'TimeoutError' }) }],
    ['is cut short', truncate, { status: 200, error: expect.anything() }],
    ['fails', reply(500), { status: 500 }],
    ['asks for a pause', reply(429, '', { 'retry-after': '60' }), { status: 429 }],
  ] as const)('when it %s', async (_name, answer, told) => {
    next.behave(answer)
    // Only these two cases wait for the timeout. A stalled response must have begun before it, also on a busy machine.
    const timeout = answer === hang ? 50 : answer === stall ? 1_000 : 60_000
    await using client = await connect({ to, timeout })
    const events = eventsOf(client)
    const attempts: string[] = []
    client.on('attempt', ({ instance }) => attempts.push(instance.id))
    for (let call = 0; call < 8; call++) expect(await text(client('/'))).toBe('old')
    await until(() => events.length === 8)
    for (const event of events) expect(event).toMatchObject(told)
    const { mirror, instances, budget } = client.snapshot()
    const [status] = [events[0]?.status ?? 500]
    expect(mirror).toMatchObject({ sent: 8, inFlight: 0, failed: status === 429 ? 0 : 8, dropped: 0 })
    // It counts for nothing: calls may use the instance, and none has been sent there.
    const copied = instances.find(({ instance }) => instance.id === 'next')
    expect(copied).toMatchObject({ breaker: 'closed', inFlight: 0, pending: 0 })
    expect(Object.values(copied?.settled ?? {})).toEqual([0, 0, 0, 0])
    expect(copied).not.toHaveProperty('latency')
    expect(attempts).toEqual(Array.from({ length: 8 }, () => 'old'))
    expect(budget).toBeGreaterThan(0)
  })

  it('when its instances refuse connections', async () => {
    registry.register(service, { id: 'next', url: await refusedUrl(), metadata: { version: 'v2' } })
    await using client = await connect({ to })
    const events = eventsOf(client)
    for (let call = 0; call < 3; call++) expect(await text(client('/'))).toBe('old')
    await until(() => events.length === 3)
    expect(events[0]?.error).toMatchObject({ code: 'ECONNREFUSED' })
    expect(client.snapshot().mirror).toMatchObject({ sent: 3, failed: 3 })
  })

  it('when its instances never complete a TLS handshake: each copy ends at its timeout, and the connection with it', async () => {
    await using mute = await startMuteServer()
    registry.register(service, { id: 'next', url: mute.url, metadata: { version: 'v2' } })
    // Without `timeout.connect`, undici never ends the handshake.
    await using client = await connect({ to, timeout: 50, max: 3 }, { timeout: false })
    const events = eventsOf(client)
    for (let call = 1; call <= 3; call++) expect(await text(client('/'))).toBe('old')
    await until(() => events.length === 3 && mute.sockets.size === 0)
    for (const { error } of events) expect(error).toMatchObject({ name: 'TimeoutError' })
    expect(client.snapshot().mirror).toMatchObject({ sent: 3, failed: 3, inFlight: 0, dropped: 0 })
    // Copies that come later connect again.
    expect(await text(client('/'))).toBe('old')
    await until(() => events.length === 4 && mute.sockets.size === 0)
  })

  it('when there are no such instances, or none is healthy, or the only one gets the request itself', async () => {
    const cases: [string, Partial<ClientOptions>][] = [
      ['none', { mirror: { to: { version: 'v9' } } }],
      ['the same', { mirror: { to: { version: 'v1' } } }],
    ]
    for (const [, options] of cases) {
      await using client = await connect({ to }, options)
      expect(await text(client('/'))).toBe('old')
      expect(client.snapshot().mirror).toMatchObject({ sent: 0, dropped: 0 })
    }
    await using client = await connect({ to })
    for (const act of [client.isolate, client.drain, (id: string) => client.open(id, 60_000)]) {
      act('next')
      expect(await text(client('/'))).toBe('old')
      client.restore('next')
      client.reset('next')
    }
    registry.register(service, { id: 'next', url: next.url, metadata: { version: 'v2' }, draining: true })
    await until(() => client.snapshot().instances.some(({ instance }) => instance.draining))
    expect(await text(client('/'))).toBe('old')
    await sleep(10)
    expect(next.requests).toEqual([])
    expect(client.snapshot().mirror).toMatchObject({ sent: 0 })
  })

  it('when the response does not end: it is aborted after a few kilobytes', async () => {
    let written = 0
    next.behave((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) written += 16_384
      }
      response.on('drain', more)
      more()
    })
    await using client = await connect({ to })
    const events = eventsOf(client)
    expect(await text(client('/'))).toBe('old')
    await until(() => events.length === 1 && next.open === 0)
    expect(events[0]).toMatchObject({ status: 200 })
    expect(events[0]).not.toHaveProperty('error')
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  it('when there are more requests than it can handle: only a limited number is in flight', async () => {
    next.behave(hang)
    await using client = await connect({ to, max: 3, timeout: 60_000 })
    await Promise.all(Array.from({ length: 20 }, () => text(client('/'))))
    await next.seen(3)
    expect(client.snapshot().mirror).toMatchObject({ sent: 3, inFlight: 3, dropped: 17 })
    expect(next.requests).toHaveLength(3)
  })

  it('when its instances also serve calls: a copy has a separate connection', async () => {
    next.behave((request, response) => {
      if (request.headers['x-outrigger-mirror'] === undefined) response.end('next')
    })
    await using client = await connect({ to, max: 4 }, { traffic: false, transport: { connections: 1 } })
    const answers = await Promise.all(Array.from({ length: 40 }, () => text(client('/'))))
    expect(new Set(answers)).toEqual(new Set(['old', 'next']))
    expect(client.snapshot().mirror?.inFlight).toBe(4)
  })

  it('when a breaker asks for other instances: the mirror’s subset does not count as one that calls use', async () => {
    registry.register(service, { id: 'third', url: old.url, metadata: { version: 'v1' } })
    const needed: number[] = []
    for (const mirror of [false, { to }] as const) {
      await using client = await connect(mirror, {
        traffic: false,
        retry: false,
        balance: (list, { path }) => {
          const id = path === '/old' ? 'old' : 'next'
          return list.find(({ instance }) => instance.id === id) ?? list[0]
        },
      })
      await text(client('/old'))
      next.behave(reply(500))
      let calls = 0
      client.on('breaker:open', () => needed.push(calls))
      for (; calls < 50; calls++) await text(client('/next'))
      next.behave(reply(200))
    }
    expect(needed).toHaveLength(2)
    expect(needed[1]).toBe(needed[0])
  })

  it('when a listener throws', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): number => warnings.push(warning)
    process.on('warning', onWarning)
    try {
      await using client = await connect({ to })
      let heard = 0
      client.on('mirror', () => {
        heard++
        throw new Error('mine')
      })
      expect(await text(client('/'))).toBe('old')
      await until(() => heard === 1 && warnings.length > 0)
      expect(await text(client('/'))).toBe('old')
    } finally {
      process.off('warning', onWarning)
    }
  })
})

/** Connections that are closed only by this side. */
const LASTING = { keepAliveTimeout: 3_600_000, keepAliveMaxTimeout: 3_600_000 }

describe('the life of a mirror', () => {
  it('ends with close(), during a copy', async () => {
    next.behave(hang)
    const client = await connect({ to, timeout: 60_000 })
    const events = eventsOf(client)
    expect(await text(client('/'))).toBe('old')
    client.update({ timeout: 20_000 })
    expect(await text(client('/'))).toBe('old')
    await next.seen(2)
    await client.close()
    await until(() => next.open === 0 && events.length === 2)
    expect(events[0]?.error).toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    expect(client.snapshot().mirror?.inFlight).toBe(0)
    await expect(client('/')).rejects.toThrow('closed')
    expect(next.requests).toHaveLength(2)
  })

  it('closes the connections to an instance that has left, although no other copy is sent', async () => {
    await using client = await connect({ to }, { transport: LASTING })
    const events = eventsOf(client)
    expect(await text(client('/'))).toBe('old')
    await until(() => events.length === 1)
    expect(next.open).toBe(1)
    registry.deregister(service, 'next')
    await until(() => next.open === 0)
    expect(events[0]?.outcome).toBe('success')
  })

  it('closes its connections when the mirror is removed, without aborting the copy in flight', async () => {
    const release = Promise.withResolvers<void>()
    next.behave((_request, response) => void release.promise.then(() => response.end('late')))
    await using client = await connect({ to }, { transport: LASTING })
    const events = eventsOf(client)
    expect(await text(client('/'))).toBe('old')
    await next.seen(1)
    client.update({ mirror: false })
    release.resolve()
    await until(() => events.length === 1 && next.open === 0)
    expect(events[0]?.outcome).toBe('success')
  })

  it('goes on when its caller aborts, and does not use the caller’s signal', async () => {
    next.behave((_request, response) => setTimeout(() => response.end('late'), 30))
    old.behave(hang)
    await using client = await connect({ to })
    const events = eventsOf(client)
    const leave = new AbortController()
    const call = client('/', { signal: leave.signal })
    await next.seen(1)
    leave.abort()
    await expect(call).rejects.toThrow('abort')
    await until(() => events.length === 1)
    expect(events[0]?.status).toBe(200)
  })

  it('uses the current instances and options, and keeps its counts while it is the same', async () => {
    await using client = await connect({ to })
    await text(client('/'))
    await next.seen(1)
    client.update({ retry: { attempts: 2 } })
    expect(client.snapshot().mirror?.sent).toBe(1)
    await using other = await startServer(reply(200, 'other'))
    registry.register(service, { id: 'other', url: other.url, metadata: { version: 'v2' } })
    registry.deregister(service, 'next')
    await until(() => client.snapshot().instances.every(({ instance }) => instance.id !== 'next'))
    await text(client('/'))
    await other.seen(1)
    client.update({ mirror: undefined })
    await text(client('/'))
    expect(client.snapshot()).not.toHaveProperty('mirror')
    expect([next.requests.length, other.requests.length]).toEqual([1, 1])
  })

  it('a route’s own mirror replaces the client’s', async () => {
    const routes = { 'GET /never': { mirror: false }, 'GET /also/{id}': { mirror: { to, max: 1 } } } as const
    await using client = await connect({ to }, { routes })
    await text(client('/never'))
    await text(client('/also/7'))
    await text(client('/any'))
    await until(() => next.requests.length === 2)
    expect(next.requests.toSorted()).toEqual(['GET /also/7', 'GET /any'])
    const { mirror, routeMirrors } = client.snapshot()
    expect(mirror?.sent).toBe(1)
    expect(routeMirrors).toMatchObject({ 'GET /also/{id}': { sent: 1 } })
  })

  it('without it, nothing is copied and nothing is stored', async () => {
    await using client = await connect(false)
    await text(client('/'))
    expect(client.snapshot()).not.toHaveProperty('mirror')
    expect(client.snapshot()).not.toHaveProperty('routeMirrors')
    expect(next.requests).toEqual([])
    expect(next.connections).toBe(0)
  })
})

describe('invalid options', () => {
  it.each<[unknown, string]>([
    [{}, 'mirror.to must be an object'],
    [{ to: {} }, 'mirror.to must name a version, a zone or metadata'],
    [{ to, share: 2 }, 'mirror.share must be'],
    [{ to, share: Number.NaN }, 'mirror.share must be'],
    [{ to, max: 0 }, 'mirror.max must be'],
    [{ to, max: 1.5 }, 'mirror.max must be'],
    [{ to, timeout: 0 }, 'mirror.timeout must be'],
    [{ to, when: { headers: {} } }, 'headers'],
    [{ to, shares: 0.1 }, 'shares'],
    [[{ to }], 'mirror must be an object'],
    [true, 'mirror must be an object'],
    [0, 'mirror must be an object'],
    [null, 'mirror must be an object'],
  ])('%j is rejected', (mirror, message) => {
    const options = { service, source: registry }
    expect(() => createClient({ ...options, mirror: mirror as MirrorOptions })).toThrow(message)
    const routes = { 'GET /': { mirror: mirror as MirrorOptions } }
    expect(() => createClient({ ...options, routes })).toThrow("routes['GET /'].")
  })

  it('a function as transport is rejected', () => {
    const transport = (): never => {
      throw new Error('never')
    }
    expect(() => createClient({ service, source: registry, mirror: { to }, transport })).toThrow(
      'mirror cannot be used with a function as transport',
    )
  })
})
