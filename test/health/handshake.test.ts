import { expect, test, vi } from 'vitest'
import { startCheck } from '../../src/health/check-client.ts'
import { grpcCheck } from '../../src/health/grpc-check.ts'
import { httpCheck } from '../../src/health/http-check.ts'
import { healthPolicy } from '../../src/health/policy.ts'
import { createClient, fixed, MemoryRegistry, type HealthOptions } from '../../src/index.ts'
import { buildConnector } from '../../src/undici.ts'
import { startMuteServer } from '../support/mute-server.ts'
import { until } from '../support/until.ts'
import { waitFor } from '../support/wait-for.ts'

const LOGICAL = { host: 'svc', servername: 'svc' }
/** Only the end of the check may end the handshake. */
const timeout = 600_000
const connect = buildConnector({ timeout: 0 })

test.each([
  ['HTTP', () => httpCheck(healthPolicy({ path: '/', timeout, interval: timeout }), {}, LOGICAL)],
  ['gRPC', () => grpcCheck(healthPolicy({ grpc: true, timeout, interval: timeout }), {}, LOGICAL)],
  [
    'HTTP, and connects by a function of the user’s',
    () => httpCheck(healthPolicy({ path: '/', timeout, interval: timeout }), { connect }, LOGICAL),
  ],
])('a cancelled check ends its handshake: %s', async (_name, make) => {
  await using server = await startMuteServer()
  const done = vi.fn<() => void>()
  const end = make()(server.url, done)
  await until(() => server.sockets.size > 0)
  end()
  await until(() => server.sockets.size === 0)
  expect(done).not.toHaveBeenCalled()
})

test.each<[string, HealthOptions]>([
  ['HTTP', { path: '/' }],
  ['gRPC', { grpc: true }],
])('close() ends the handshakes of checks: %s', async (_name, health) => {
  await using server = await startMuteServer()
  const source = fixed([server.url])
  const client = createClient({ service: 'svc', source, health: { ...health, timeout, interval: timeout } })
  await client.execute(() => 1)
  await until(() => server.sockets.size > 0)
  await client.close()
  await waitFor(() => expect(server.sockets.size).toBe(0))
})

test('the handshake of a check ends when its instance leaves', async () => {
  await using server = await startMuteServer()
  const source = new MemoryRegistry({ ttl: 600_000 })
  source.register('svc', { id: 'a', url: server.url })
  const health = { path: '/', timeout, interval: timeout }
  await using client = createClient({ service: 'svc', source, health })
  await client.execute(() => 1)
  await until(() => server.sockets.size > 0)
  source.deregister('svc', 'a')
  await waitFor(() => expect(server.sockets.size).toBe(0))
})

test('a check that cannot start leaves nothing behind', () => {
  const end = vi.fn<() => void>()
  const begin = (): never => {
    throw new Error('no')
  }
  expect(() => startCheck(end, () => {}, begin)).toThrow('no')
  expect(end).toHaveBeenCalledOnce()
})
