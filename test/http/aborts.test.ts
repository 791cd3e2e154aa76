import { describe, expect, it } from 'vitest'
import { createClient, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { inOrder } from '../support/balance.ts'
import { instanceOf, outcomes } from '../support/events.ts'
import { hang, ok, reply, stall, startServer } from '../support/http-server.ts'
import { HandSource } from '../support/source.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: inOrder,
  breaker: { failureThreshold: 1 },
  retry: { attempts: 3, backoff: 0 },
})

const reason = new Error('the caller’s own reason')

describe('an abort', () => {
  it('before the call rejects with the caller’s reason, and sends nothing', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await expect(client('/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(client.request('/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(client.execute(() => 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(server.connections).toBe(0)
  })

  it.each([
    ['fetch', (signal: AbortSignal) => (client: ReturnType<typeof createClient>) => client('/', { signal })],
    [
      'a Request',
      (signal: AbortSignal) => (client: ReturnType<typeof createClient>) =>
        client(new Request('http://user-service/', { signal })),
    ],
    [
      'request',
      (signal: AbortSignal) => (client: ReturnType<typeof createClient>) => client.request('/', { signal }),
    ],
  ])('while waiting for headers rejects with the caller’s reason through %s', async (_door, call) => {
    await using server = await startServer(hang)
    await using client = createClient(options(server.url))
    const seen = outcomes(client)
    const controller = new AbortController()
    const calling = call(controller.signal)(client)
    await server.seen(1)
    controller.abort(reason)
    await expect(calling).rejects.toBe(reason)
    await until(() => server.open === 0)
    expect(seen).toEqual([`${server.host} ignored`])
    expect(instanceOf(client, server.host)).toMatchObject({ breaker: 'closed', inFlight: 0, pending: 0 })
  })

  it('during the body rejects the reader with the caller’s reason', async () => {
    await using server = await startServer(stall)
    await using client = createClient(options(server.url))
    const controller = new AbortController()
    const response = await client('/', { signal: controller.signal })
    const reading = response.text()
    controller.abort(reason)
    await expect(reading).rejects.toBe(reason)
    await until(() => server.open === 0)
    expect(instanceOf(client, server.host)).toMatchObject({
      breaker: 'closed',
      inFlight: 0,
      settled: { success: 1, failure: 0 },
    })
  })

  it('during the wait before a retry rejects at once', async () => {
    await using server = await startServer(reply(503))
    await using client = createClient({
      ...options(server.url),
      breaker: {},
      retry: { backoff: 1e6 },
      timeout: false,
    })
    const retrying = new Promise((resolve) => client.once('call:retry', resolve))
    const controller = new AbortController()
    const calling = client('/', { signal: controller.signal })
    await retrying
    controller.abort(reason)
    await expect(calling).rejects.toBe(reason)
    expect(server.requests).toHaveLength(1)
  })

  it('while waiting for the first snapshot rejects at once', async () => {
    await using client = createClient({ ...options(), source: new HandSource() })
    const controller = new AbortController()
    const calling = client('/', { signal: controller.signal })
    controller.abort(reason)
    await expect(calling).rejects.toBe(reason)
  })

  it('of one call leaves the others alone', async () => {
    await using server = await startServer(hang, ok)
    await using client = createClient(options(server.url))
    const controller = new AbortController()
    const hanging = client('/', { signal: controller.signal })
    await server.seen(1)
    const other = client('/')
    controller.abort(reason)
    await expect(hanging).rejects.toBe(reason)
    expect(await (await other).text()).toBe('ok')
  })

  it('by AbortSignal.timeout rejects with a TimeoutError, and counts against the instance that had all of that time', async () => {
    await using server = await startServer(hang)
    await using client = createClient(options(server.url))
    const seen = outcomes(client)
    await expect(client('/', { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    await until(() => seen.length > 0)
    expect(seen).toEqual([`${server.host} failure`])
  })

  it('leaves no listener on the caller’s signal once the body is read', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    for (let call = 0; call < 3; call++) {
      const { body } = await client.request('/', { signal })
      await body.text()
    }
    expect(server.requests).toHaveLength(3)
    await until(() => listeners === 0)
  })

  it('by cancelling the body does not count against the instance', async () => {
    await using server = await startServer(stall)
    await using client = createClient(options(server.url))
    const response = await client('/')
    await response.body!.cancel()
    await until(() => server.open === 0)
    expect(instanceOf(client, server.host)).toMatchObject({
      breaker: 'closed',
      inFlight: 0,
      settled: { success: 1, failure: 0 },
    })
  })

  it('by destroying the body of request() does not count against the instance', async () => {
    await using server = await startServer(stall)
    await using client = createClient(options(server.url))
    const { body } = await client.request('/')
    body.on('error', () => {}).destroy()
    await until(() => server.open === 0)
    expect(instanceOf(client, server.host)).toMatchObject({
      breaker: 'closed',
      inFlight: 0,
      settled: { success: 1, failure: 0 },
    })
  })
})
