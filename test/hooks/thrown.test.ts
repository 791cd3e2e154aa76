import { request } from 'undici'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CircuitBreaker, createClient, fixed, type ClientOptions } from '../../src/index.ts'
import { errorType } from '../../src/otel/error-type.ts'
import { serializeError } from '../../src/log/describe.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { reply, startServer } from '../support/http-server.ts'
import { waitFor } from '../support/wait-for.ts'

// User code may throw, or abort with, a value that cannot be inspected: `instanceof` throws on a revoked Proxy.

const unheard = vi.fn<(error: unknown) => void>()
beforeEach(() => {
  unheard.mockClear()
  process.on('unhandledRejection', unheard)
  process.on('uncaughtException', unheard)
})
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off('unhandledRejection', unheard)
  process.off('uncaughtException', unheard)
  // oxlint-disable-next-line vitest/no-standalone-expect -- it holds after each test
  expect(unheard).not.toHaveBeenCalled()
})

function revoked(): Error {
  const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {})
  revoke()
  return proxy
}

/** True if the promise rejects with this value. Nothing else can be checked. */
async function endsWith(promise: Promise<unknown>, thrown: unknown): Promise<boolean> {
  return promise.then(
    () => false,
    (error: unknown) => Object.is(error, thrown),
  )
}

async function clientOf(options?: Partial<ClientOptions>) {
  const server = await startServer(reply(200, 'served'))
  const client = createClient({
    service: 'user-service',
    source: fixed([server.url]),
    ...options,
  })
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      await client.close()
      await server.close()
    },
  }
}

it('execute() rejects with a value that cannot be inspected, and the client goes on', async () => {
  await using scene = await clientOf({ retry: { attempts: 2, backoff: 0 } })
  const { client } = scene
  const thrown = revoked()
  expect(
    await endsWith(
      client.execute(() => Promise.reject(thrown)),
      thrown,
    ),
  ).toBe(true)
  expect(await client.execute(() => 'next')).toBe('next')
  expect(client.snapshot().instances[0]).toMatchObject({ inFlight: 0 })
})

it('a body function that throws a value that cannot be inspected fails its own call', async () => {
  await using scene = await clientOf()
  const { client } = scene
  const thrown = revoked()
  const body = (): never => {
    throw thrown
  }
  expect(await endsWith(client('/x', { method: 'PUT', body }), thrown)).toBe(true)
  expect((await client('/x')).status).toBe(200)
})

it.each(['fetch', 'request', 'execute'] as const)(
  '%s: an abort whose reason cannot be inspected ends its own call at once',
  async (door) => {
    await using scene = await clientOf()
    const { client, server } = scene
    server.behave(() => {})
    const controller = new AbortController()
    const { signal } = controller
    const thrown = revoked()
    const call = {
      fetch: () => client('/x', { signal }),
      request: () => client.request('/x', { signal }),
      execute: () => client.execute(() => new Promise(() => {}), { signal }),
    }[door]()
    const ended = endsWith(call, thrown)
    if (door !== 'execute') await waitFor(() => expect(server.requests).toHaveLength(1))
    controller.abort(thrown)
    expect(await ended).toBe(true)
    expect(client.snapshot().instances[0]).toMatchObject({ inFlight: 0 })
  },
)

it('a standalone breaker returns a value that cannot be inspected, and loses no probe', async () => {
  const value = {
    get status(): number {
      throw new Error('not yet')
    },
  }
  const clock = new ManualClock()
  const breaker = new CircuitBreaker({ successThreshold: 1, clock })
  breaker.open(1)
  await clock.advance(1)
  expect(await breaker.execute(async () => value)).toBe(value)
  expect(breaker.state).toBe('closed')
})

it('a dispatcher waits for headers() no longer than the attempt timeout', async () => {
  await using scene = await clientOf({
    headers: () => new Promise(() => {}),
    timeout: { attempt: 5 },
  })
  const { dispatcher } = scene.client
  await expect(request('http://user-service/x', { dispatcher })).rejects.toThrow(
    'headers() did not answer within 5 ms',
  )
  expect(scene.server.requests).toHaveLength(0)
})

it('logs and spans can show such a value', () => {
  expect(errorType(revoked())).toBe('_OTHER')
  expect(serializeError(revoked())).toHaveProperty('message')
})
