import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { on, once } from 'node:events'
import { expect, it, vi } from 'vitest'
import {
  createClient,
  fixed,
  type AttemptMessage,
  type CallMessage,
  type EventMessage,
} from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'
import { reply, startServer } from '../support/http-server.ts'
import { waitFor } from '../support/wait-for.ts'

/** Returns what a tracing channel published while `run` ran. */
async function traced<Message>(name: string, run: () => Promise<unknown>): Promise<[string, Message][]> {
  const seen: [string, Message][] = []
  const note = (step: string) => (message: unknown) => void seen.push([step, message as Message])
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  const channel = tracingChannel<unknown, object>(name)
  channel.subscribe(subscribers)
  try {
    await run()
  } finally {
    channel.unsubscribe(subscribers)
  }
  return seen
}

it.each(['fetch', 'request', 'execute'] as const)('outrigger:call traces a call through %s', async (door) => {
  await using server = await startServer(reply(200, 'ok'))
  await using client = createClient({ service: 'svc', source: fixed([server.url]) })
  await client.ready()
  const seen = await traced<CallMessage>('outrigger:call', async () => {
    if (door === 'fetch') await (await client('/x?secret=1')).text()
    else if (door === 'request') await (await client.request('/x?secret=1')).body.dump()
    else await client.execute(() => 1)
  })
  expect(seen.map(([step]) => step)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  const [, message] = seen[0]!
  expect(seen.every(([, each]) => each === message)).toBe(true)
  expect(message).toMatchObject({ service: 'svc', door, event: { outcome: 'success', id: message.id } })
  if (door !== 'execute') expect(message).toMatchObject({ method: 'GET', path: '/x', url: 'http://svc/x' })
})

it('outrigger:attempt can add headers to each try, and they replace the caller’s own', async () => {
  await using first = await startServer(reply(503, 'no'))
  await using second = await startServer(reply(200, 'yes'))
  await using client = createClient({
    service: 'svc',
    source: fixed([first.url, second.url]),
    balance: inOrder,
    retry: { attempts: 2, backoff: 0 },
  })
  await client.ready()
  const channel = tracingChannel<unknown, AttemptMessage>('outrigger:attempt')
  const start = (message: unknown): void => {
    const { headers, attempt, id } = message as AttemptMessage
    headers['Traceparent'] = `${id}-${attempt}`
  }
  channel.start.subscribe(start)
  const ids: string[] = []
  client.on('call', ({ id }) => ids.push(id))
  try {
    await (await client('/', { headers: { traceparent: 'mine' } })).text()
  } finally {
    channel.start.unsubscribe(start)
  }
  expect(first.headers[0]?.['traceparent']).toBe(`${ids[0]}-1`)
  expect(second.headers[0]?.['traceparent']).toBe(`${ids[0]}-2`)
})

it('the attempt and its listeners run in the stores that are bound to start', async () => {
  await using server = await startServer(reply(200, 'ok'))
  await using client = createClient({ service: 'svc', source: fixed([server.url]) })
  await client.ready()
  const span = new AsyncLocalStorage<string>()
  const call = tracingChannel<unknown, CallMessage>('outrigger:call')
  const attempt = tracingChannel<unknown, AttemptMessage>('outrigger:attempt')
  call.start.bindStore(span, () => 'call')
  attempt.start.bindStore(span, () => 'attempt')
  const seen: string[] = []
  client.on('attempt', () => seen.push(`attempt in ${span.getStore()}`))
  client.on('call', () => seen.push(`call in ${span.getStore()}`))
  try {
    await (await client('/')).text()
    expect(span.getStore()).toBeUndefined()
  } finally {
    call.start.unbindStore(span)
    attempt.start.unbindStore(span)
  }
  expect(seen).toEqual(['attempt in attempt', 'call in call'])
})

it('errors are published with the thrown value', async () => {
  await using client = createClient({ service: 'svc', source: fixed(['http://127.0.0.1:1']), retry: false })
  await client.ready()
  const boom = new Error('boom')
  const run = (): Promise<unknown> => client.execute(() => Promise.reject(boom)).catch(() => {})
  for (const name of ['outrigger:call', 'outrigger:attempt']) {
    const seen = await traced<CallMessage>(name, run)
    expect(seen.map(([step]) => step)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(seen[2]?.[1].error).toBe(boom)
  }
})

it('the plain channels publish breaker, instance and source events of every client', async () => {
  const names: string[] = []
  const note = (message: unknown): void => void names.push((message as EventMessage).name)
  const channels = ['outrigger:breaker', 'outrigger:instance', 'outrigger:source']
  for (const name of channels) subscribe(name, note)
  const warn = vi.spyOn(process, 'emitWarning')
  try {
    const source = {
      async *watch() {
        yield [{ id: 'a', url: 'http://127.0.0.1:1' }]
        throw new Error('gone')
      },
    }
    await using client = createClient({
      service: 'svc',
      source,
      retry: false,
      breaker: { failureThreshold: 1 },
    })
    await client.ready()
    await client.execute(() => Promise.reject(new Error('boom'))).catch(() => {})
    await waitFor(() => expect(names).toContain('source:stale'))
    // A channel has a subscriber.
    expect(warn).not.toHaveBeenCalled()
  } finally {
    for (const name of channels) unsubscribe(name, note)
    warn.mockRestore()
  }
  expect(names).toEqual(expect.arrayContaining(['instance:added', 'breaker:open', 'source:stale']))
})

it('once() and on() of node:events work on a client, and leave no listener behind', async () => {
  await using client = createClient({ service: 'svc', source: fixed(['http://127.0.0.1:1']) })
  const emitter = client as never
  const first = once(emitter, 'call')
  await client.execute(() => 1)
  expect(await first).toMatchObject([{ outcome: 'success' }])
  const controller = new AbortController()
  const events = on(emitter, 'call', { signal: controller.signal })
  await client.execute(() => 2)
  expect(await events.next()).toMatchObject({ done: false, value: [{ outcome: 'success' }] })
  controller.abort()
  await expect(events.next()).rejects.toMatchObject({ name: 'AbortError' })
})
