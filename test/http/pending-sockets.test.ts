import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createClient, fixed, MemoryRegistry, type Client } from '../../src/index.ts'
import { startServer, ok } from '../support/http-server.ts'
import { startMuteServer } from '../support/mute-server.ts'
import { until } from '../support/until.ts'

/** Only the end of its client may end the handshake. */
const transport = { connectTimeout: 0 }

const doors: Record<string, (client: Client, signal: AbortSignal) => Promise<unknown>> = {
  fetch: (client, signal) => client('/', { signal }),
  request: (client, signal) => client.request('/', { signal }),
}

describe.each(Object.keys(doors))('a TLS handshake that is never answered, %s', (door) => {
  test.each([0, 50])('ends with close(), drainTimeout %d', async (drainTimeout) => {
    await using server = await startMuteServer()
    const client = createClient({
      service: 'svc',
      source: fixed([server.url]),
      drainTimeout,
      retry: false,
      transport,
    })
    const gone = new AbortController()
    const call = doors[door]!(client, gone.signal)
    await until(() => server.sockets.size > 0)
    gone.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    await client.close()
    await until(() => server.sockets.size === 0)
  })

  test('ends with close() even while calls wait for it', async () => {
    await using server = await startMuteServer()
    const client = createClient({
      service: 'svc',
      source: fixed([server.url]),
      drainTimeout: 10,
      retry: false,
    })
    const calls = [1, 2, 3].map(() => doors[door]!(client, new AbortController().signal))
    const outcomes = Promise.allSettled(calls)
    await until(() => server.sockets.size > 0)
    await client.close()
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ reason: { code: 'ERR_OUTRIGGER_CLOSED' } })
    await until(() => server.sockets.size === 0)
  })
})

test('ends when the instance is removed, and calls to another instance continue', async () => {
  await using mute = await startMuteServer()
  await using other = await startServer(ok)
  const registry = new MemoryRegistry()
  registry.register('svc', { id: 'mute', url: mute.url })
  await using client = createClient({
    service: 'svc',
    source: registry,
    drainTimeout: 10,
    retry: false,
    transport,
  })
  const gone = new AbortController()
  const call = client('/', { signal: gone.signal })
  await until(() => mute.sockets.size > 0)
  gone.abort()
  await expect(call).rejects.toMatchObject({ name: 'AbortError' })
  registry.register('svc', { id: 'other', url: other.url })
  registry.deregister('svc', 'mute')
  await until(() => mute.sockets.size === 0)
  expect((await client('/')).status).toBe(200)
})

test.each([
  ['returns its socket', true],
  ['returns nothing', false],
])('a user function connect that %s does not break close()', async (_, returns) => {
  await using server = await startMuteServer()
  const made: Socket[] = []
  const client = createClient({
    service: 'svc',
    source: fixed([server.url]),
    drainTimeout: 10,
    retry: false,
    transport: {
      connect: (options, callback) => {
        const socket = connectTls({ host: options.hostname, port: Number(options.port), servername: 'svc' })
        socket.on('error', (error) => callback(error, null))
        socket.on('secureConnect', () => callback(null, socket))
        made.push(socket)
        return returns ? socket : undefined
      },
    },
  })
  const call = client('/', { signal: AbortSignal.timeout(50) })
  await expect(call).rejects.toMatchObject({ name: 'TimeoutError' })
  await client.close()
  expect(made.map((socket) => socket.destroyed)).toEqual([returns])
  for (const socket of made) socket.destroy()
})

type Connect = (options: unknown, callback: (...given: never[]) => void) => unknown

test.each<[string, Connect]>([
  [
    'throws nothing',
    () => {
      // oxlint-disable-next-line typescript/only-throw-error -- users do
      throw undefined
    },
  ],
  [
    'throws what cannot be read',
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      throw proxy
    },
  ],
  ['rejects', () => Promise.reject(new Error('a bug'))],
  ['calls back with nothing', (_options, callback) => callback()],
  [
    'calls back twice',
    (_options, callback) => {
      callback(new Error('once') as never)
      callback(new Error('twice') as never)
    },
  ],
])('a connect function of the user that %s fails the call, and not the process', async (_, connect) => {
  await using server = await startMuteServer()
  await using client = createClient({
    service: 'svc',
    source: fixed([server.url]),
    retry: false,
    transport: { connect: connect as never },
  })
  await expect(client('/')).rejects.toThrow('fetch failed')
  await expect(client.request('/')).rejects.toBeInstanceOf(Error)
  expect(client.snapshot().instances[0]?.inFlight).toBe(0)
})
