import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { request } from 'undici'
import { expect, it, vi } from 'vitest'
import {
  createClient,
  createFetch,
  fixed,
  MemoryRegistry,
  type AttemptMessage,
  type AttemptStartEvent,
  type ClientEvents,
} from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'
import { ok, reply, startServer } from '../support/http-server.ts'

it('listeners to attempt:start add headers to the attempts of their own client', async () => {
  await using bad = await startServer(reply(503))
  await using good = await startServer(ok)
  await using client = createClient({
    service: 'svc',
    source: fixed([bad.url, good.url]),
    balance: inOrder,
    retry: { attempts: 2, backoff: 0 },
    headers: { 'x-own': 'option' },
  })
  await using other = createClient({ service: 'svc', source: fixed([good.url]) })
  client.on('attempt:start', ({ headers, attempt }) => {
    headers['x-attempt'] = String(attempt)
  })
  const headers = { 'X-Attempt': 'mine' }
  await (await client('/', { headers })).text()
  await (await client.request('/', { headers })).body.dump()
  await (await request('http://svc/', { headers, dispatcher: client.dispatcher })).body.dump()
  await (await other('/')).text()
  expect(headers).toEqual({ 'X-Attempt': 'mine' })
  const seen = [...bad.headers, ...good.headers].map((each) => each['x-attempt'])
  expect(seen.filter((each) => each === '1').length).toBeGreaterThanOrEqual(2)
  expect(seen).toContain('2')
  expect(good.headers.at(-1)).not.toHaveProperty('x-attempt')
  expect(bad.headers[0]).toMatchObject({ 'x-own': 'option' })
})

it('a header of a listener that cannot be sent is left out with one warning, and the call goes on', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  await using server = await startServer(ok)
  await using client = createClient({ service: 'svc', source: fixed([server.url]), retry: false })
  client.on('attempt:start', ({ headers }) => {
    headers['bad name'] = 'x'
    headers['x-line'] = 'a\r\nb'
    headers['x-text'] = 'Ж'
    headers['x-good'] = 'é'
  })
  expect((await client('/')).status).toBe(200)
  await (await client.request('/')).body.dump()
  await (await request('http://svc/', { dispatcher: client.dispatcher })).body.dump()
  expect(server.headers).toHaveLength(3)
  for (const sent of server.headers) {
    expect(sent).toMatchObject({ 'x-good': 'é' })
    expect(Object.keys(sent)).not.toEqual(expect.arrayContaining(['x-line']))
    expect(sent).not.toHaveProperty('x-text')
  }
  expect(warn.mock.calls.map(([message]) => message)).toEqual([
    `a subscriber to attempts has added a header that cannot be sent: 'bad name'; it is left out`,
  ])
  warn.mockRestore()
})

it('every call:start is followed by one call event with the same id, through every door, also before the first instances', async () => {
  await using server = await startServer(ok)
  const registry = new MemoryRegistry()
  await using client = createClient({ service: 'svc', source: registry, waitForReady: true })
  const open = new Map<string, number>()
  const doors: string[] = []
  const count = (by: number) => (event: ClientEvents['call:start' | 'call']) => {
    if (by > 0) doors.push(event.door)
    open.set(event.id, (open.get(event.id) ?? 0) + by)
  }
  client.on('call:start', count(1))
  client.on('call', count(-1))
  const calls = [
    client('/').then((response) => response.text()),
    client.request('/').then(({ body }) => body.dump()),
    client.execute(() => 1),
    request('http://svc/', { dispatcher: client.dispatcher }).then(({ body }) => body.dump()),
    client('/', { deadline: Number.NaN }).catch(() => {}),
    client('/', { signal: AbortSignal.abort() }).catch(() => {}),
  ]
  registry.register('svc', { id: 'a', url: server.url })
  await Promise.all(calls)
  expect(new Set(doors)).toEqual(new Set(['fetch', 'request', 'execute', 'dispatcher']))
  expect([...open.values()].every((each) => each === 0)).toBe(true)
  expect(open.size).toBeGreaterThanOrEqual(5)
})

it('an attempt and its listeners run in `within`, its request in `sendWithin`', async () => {
  await using server = await startServer(ok)
  await using app = createFetch({ source: fixed([server.url]), services: { svc: {} } })
  const store = new AsyncLocalStorage<string>()
  const seen: string[] = []
  app.on('attempt:start', (event) => {
    event.within = (run) => store.run('attempt', run)
    event.sendWithin = (run) => {
      seen.push(`sent in ${store.getStore()}`)
      store.run('sent', run)
    }
  })
  app.on('attempt', () => seen.push(`attempt in ${store.getStore()}`))
  app.on('call', () => seen.push(`call in ${store.getStore()}`))
  await store.run('caller', async () => {
    await (await app('http://svc/')).text()
    await app.client('svc').execute(() => seen.push(`run in ${store.getStore()}`))
  })
  expect(seen).toEqual([
    'sent in attempt',
    'attempt in attempt',
    'call in caller',
    'run in attempt',
    'attempt in attempt',
    'call in caller',
  ])
})

it('a subscriber of the channel may set `within` too', async () => {
  await using server = await startServer(ok)
  await using client = createClient({ service: 'svc', source: fixed([server.url]) })
  const store = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const start = (message: unknown): void => {
    ;(message as AttemptMessage).within = (run) => store.run('channel', run)
  }
  const channel = tracingChannel<unknown, AttemptMessage>('outrigger:attempt')
  channel.start.subscribe(start)
  client.on('attempt', () => seen.push(store.getStore()))
  try {
    await (await client('/')).text()
  } finally {
    channel.start.unsubscribe(start)
  }
  expect(seen).toEqual(['channel'])
})

it.each<[string, NonNullable<AttemptStartEvent['within']>]>([
  [
    'throws before',
    () => {
      throw new Error('boom')
    },
  ],
  [
    'throws after',
    (run) => {
      run()
      throw new Error('boom')
    },
  ],
  ['never runs it', () => undefined],
  ['runs it twice', (run) => [run(), run()]],
  ['runs it later', (run) => void setTimeout(run, 1)],
])('an attempt whose `within` %s is sent once', async (_what, within) => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  await using server = await startServer(ok)
  await using client = createClient({ service: 'svc', source: fixed([server.url]) })
  client.on('attempt:start', (event) => {
    event.within = within
    event.sendWithin = within
  })
  expect(await (await client('/')).text()).toBe('ok')
  let runs = 0
  await client.execute(() => runs++)
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(server.requests).toHaveLength(1)
  expect(runs).toBe(1)
  warn.mockRestore()
})
