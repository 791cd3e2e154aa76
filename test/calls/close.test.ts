import { afterEach, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { hang, reply, stall, startServer } from '../support/http-server.ts'
import { startMuteServer } from '../support/mute-server.ts'
import { until } from '../support/until.ts'

const clock = new ManualClock()
const clients: Client[] = []
function clientOf(url: string, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    service: 'svc',
    source: fixed([url]),
    retry: false,
    drainTimeout: 700,
    clock,
    ...options,
  })
  clients.push(client)
  return client
}
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'an answer',
    (error: { code?: unknown; cause?: { code?: unknown } }) => error.code ?? error.cause?.code,
  )

describe('close()', () => {
  it.each<[string, (client: Client, signals: AbortSignal[]) => Promise<unknown>]>([
    ['fetch', (client) => client('/')],
    ['request', (client) => client.request('/')],
    ['dispatcher', (client) => client.dispatcher.request({ origin: 'http://svc', path: '/', method: 'GET' })],
    [
      'execute',
      (client, signals) =>
        client.execute((_instance, { signal }) => {
          signals.push(signal)
          return new Promise(() => {})
        }),
    ],
  ])(
    'rejects a call through %s that is still pending after the drain time, with ERR_OUTRIGGER_CLOSED',
    async (_door, call) => {
      await using server = await startServer(hang)
      const client = clientOf(server.url)
      await client.ready()
      const signals: AbortSignal[] = []
      const code = codeOf(call(client, signals))
      if (_door !== 'execute') await server.seen(1)
      const closed = client.close()
      await clock.advance(699)
      expect(signals.every(({ aborted }) => !aborted)).toBe(true)
      await clock.advance(1)
      expect(await code).toBe('ERR_OUTRIGGER_CLOSED')
      await closed
      expect(signals.every(({ aborted }) => aborted)).toBe(true)
      for (const { reason } of signals) expect(reason).toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    },
  )

  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['fetch', (client) => client('/')],
    ['request', (client) => client.request('/')],
    ['dispatcher', (client) => client.dispatcher.request({ origin: 'http://svc', path: '/', method: 'GET' })],
  ])('rejects a call through %s that waits for a headers() which never resolves', async (_door, call) => {
    await using server = await startServer(reply(200))
    const client = clientOf(server.url, { timeout: false, headers: () => new Promise(() => {}) })
    await client.ready()
    const code = codeOf(call(client))
    const closed = client.close()
    await clock.advance(700)
    await closed
    expect(await code).toBe('ERR_OUTRIGGER_CLOSED')
    expect(server.requests).toEqual([])
  })

  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['fetch', (client) => client('/')],
    ['request', (client) => client.request('/')],
  ])(
    'lets a call through %s reject with its own connect timeout, not with ERR_OUTRIGGER_CLOSED',
    async (_door, call) => {
      await using server = await startMuteServer()
      const client = clientOf(server.url, { timeout: { connect: 300 } })
      await client.ready()
      const failed = call(client).catch((error: unknown) => error)
      await until(() => server.sockets.size === 1)
      const closed = client.close()
      await clock.advance(300)
      expect(await failed).toMatchObject({ name: 'TimeoutError' })
      await closed
    },
  )

  it('ends a body that is still being read, with ERR_OUTRIGGER_CLOSED', async () => {
    await using server = await startServer(stall)
    const client = clientOf(server.url)
    const code = codeOf((await client('/')).text())
    const closed = client.close()
    await clock.advance(700)
    expect(await code).toBe('ERR_OUTRIGGER_CLOSED')
    await closed
  })
})

describe('a slow fallback', () => {
  const never = (): Promise<Response> => new Promise(() => {})
  const waiting = async (
    options: Partial<ClientOptions>,
    init: Parameters<Client>[1],
    act: (client: Client) => unknown,
  ): Promise<unknown> => {
    await using server = await startServer(reply(503))
    let asked = false
    const fallback = (): Promise<Response> => {
      asked = true
      return never()
    }
    const client = clientOf(server.url, { fallback, ...options })
    const end = client('/', init).then(
      () => 'an answer',
      (error: Error & { code?: unknown }) => (typeof error.code === 'string' ? error.code : error),
    )
    await until(() => asked)
    await act(client)
    return end
  }

  it('is given up when the caller’s signal aborts', async () => {
    const aborter = new AbortController()
    const reason = new Error('enough')
    expect(await waiting({}, { signal: aborter.signal }, () => aborter.abort(reason))).toBe(reason)
  })

  it('is given up at the caller’s deadline', async () => {
    const end = waiting({}, { deadline: clock.now() + 500 }, () => clock.advance(500))
    expect(await end).toMatchObject({ name: 'TimeoutError' })
  })

  it('is given up after timeout.total of the call', async () => {
    const end = waiting({ timeout: 300 }, {}, () => clock.advance(300))
    const message = 'no answer from the fallback of svc within 300 ms'
    expect(await end).toMatchObject({ name: 'TimeoutError', message })
  })

  it('is given up at close()', async () => {
    expect(await waiting({}, {}, (client) => client.close())).toBe('ERR_OUTRIGGER_CLOSED')
  })

  it('gets the body of its late response cancelled', async () => {
    await using server = await startServer(reply(503))
    const late = Promise.withResolvers<Response>()
    let cancelled = false
    const body = new ReadableStream({ cancel: () => void (cancelled = true) })
    let asked = false
    const fallback = (): Promise<Response> => {
      asked = true
      return late.promise
    }
    const client = clientOf(server.url, { fallback })
    const aborter = new AbortController()
    const call = client('/', { signal: aborter.signal })
    await until(() => asked)
    aborter.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    late.resolve(new Response(body))
    await until(() => cancelled)
  })

  it('still gives the response if it resolves immediately after the caller’s deadline', async () => {
    await using server = await startServer(hang)
    const client = clientOf(server.url, { fallback: async () => new Response('instead') })
    const call = client('/', { deadline: clock.now() + 100 })
    await server.seen(1)
    await clock.advance(100)
    expect(await (await call).text()).toBe('instead')
  })
})
