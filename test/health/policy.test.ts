import { expect, test } from 'vitest'
import { healthPolicy, type HealthOptions } from '../../src/health/policy.ts'
import { createClient, createFetch, fixed } from '../../src/index.ts'

test('has these defaults', () => {
  expect(healthPolicy({ path: '/healthz' })).toMatchObject({
    path: '/healthz',
    interval: 10_000,
    timeout: 2_000,
    healthyThreshold: 2,
    unhealthyThreshold: 3,
    startsHealthy: true,
    bodyPasses: undefined,
    headers: {},
  })
  expect(healthPolicy({ path: '/', interval: 500 }).timeout).toBe(500)
})

test('by default, 200 to 299 pass', () => {
  const { expects } = healthPolicy({ path: '/' })
  expect([199, 200, 204, 299, 301, 404, 503].filter(expects)).toEqual([200, 204, 299])
})

test('a RegExp with a state starts at the beginning each time, and the given one is not changed', () => {
  const given = /ok/g
  const { bodyPasses } = healthPolicy({ path: '/', expect: { body: given } })
  expect([bodyPasses?.('ok'), bodyPasses?.('ok'), bodyPasses?.('no')]).toEqual([true, true, false])
  expect(given.lastIndex).toBe(0)
})

test.each<[object | number | string, string]>([
  [{}, 'health needs path, tcp or grpc'],
  [{ path: 'healthz' }, "got 'healthz'"],
  [{ path: '/a b' }, "got '/a b'"],
  [{ path: '/a#b' }, "got '/a#b'"],
  [{ path: '/a\r\nx: y' }, 'health.path must be a path'],
  [{ path: '/', tcp: true }, 'health.path cannot be used with tcp'],
  [{ tcp: true, expect: {} }, 'health.expect cannot be used with tcp'],
  [{ tcp: true, headers: {} }, 'health.headers cannot be used with tcp'],
  [{ tcp: false }, 'health.tcp must be true or left out, got false'],
  [{ path: '/', intervall: 5 }, 'did you mean interval?'],
  [{ path: '/', grpc: true }, 'health.path cannot be used with grpc'],
  [{ tcp: true, grpc: true }, 'health.grpc cannot be used with tcp'],
  [{ grpc: true, expect: {} }, 'health.expect cannot be used with grpc'],
  [{ grpc: false }, 'health.grpc must be true or an object'],
  [{ grpc: 'users' }, "got 'users'"],
  [{ grpc: {} }, "health.grpc.service must be a service's name such as 'users.v1.Users', got undefined"],
  [{ grpc: { service: '' } }, "got ''"],
  [{ grpc: { service: '\ud800' } }, 'health.grpc.service must be'],
  [{ grpc: { service: 'x'.repeat(1_001) } }, 'health.grpc.service must be'],
  [{ grpc: { servce: 'a' } }, 'did you mean service?'],
  [{ grpc: true, headers: { TE: 'gzip' } }, 'health.headers cannot have te with grpc'],
  [{ grpc: true, headers: { 'grpc-timeout': '1S' } }, 'health.headers cannot have grpc-timeout with grpc'],
  [{ path: '/', interval: 10 }, 'health.interval must be a number >= 100'],
  [{ path: '/', interval: Number.NaN }, 'health.interval'],
  [{ path: '/', interval: Infinity }, 'health.interval'],
  [{ path: '/', timeout: 0 }, 'health.timeout must be a number > 0'],
  [{ path: '/', healthyThreshold: 0 }, 'health.healthyThreshold must be an integer >= 1'],
  [{ path: '/', unhealthyThreshold: 1.5 }, 'health.unhealthyThreshold must be an integer'],
  [{ path: '/', port: 0 }, 'health.port must be an integer >= 1'],
  [{ path: '/', port: 70_000 }, 'health.port'],
  [{ path: '/', expect: { status: [] } }, 'health.expect.status must name a status'],
  [{ path: '/', expect: { status: 100 } }, 'health.expect.status'],
  [{ path: '/', expect: { status: '200' } }, 'health.expect.status must be a number'],
  [{ path: '/', expect: { body: '' } }, 'health.expect.body must be a text or a RegExp'],
  [{ path: '/', expect: { body: () => true } }, 'health.expect.body'],
  [{ path: '/', expect: { stats: 200 } }, 'did you mean status?'],
  [{ path: '/', headers: { 'bad name': '1' } }, 'health.headers must be a header name'],
  [{ path: '/', headers: { a: 'x\r\ny: z' } }, "health.headers['a']"],
  [{ path: '/', headers: { a: 1 } }, "health.headers['a']"],
  [{ path: '/', headers: { 'Transfer-Encoding': 'x' } }, 'health.headers cannot have transfer-encoding'],
  [{ path: '/', initial: 'out' }, "health.initial must be 'healthy' or 'unhealthy', got 'out'"],
  [true as never, 'health must be an object or false, got true'],
  [10, 'health must be an object or false, got 10'],
])('refuses %j', (health, message) => {
  const make = (): unknown =>
    createClient({ service: 'svc', source: fixed([]), health: health as HealthOptions })
  expect(make).toThrow(message)
})

test('refuses a function as transport, because its dispatchers are for calls', () => {
  const make = (): unknown =>
    createClient({ service: 'svc', source: fixed([]), health: { path: '/' }, transport: () => ({}) as never })
  expect(make).toThrow('health cannot be used with a function as transport')
})

test('createFetch accepts health in its defaults, and a service can turn it off', async () => {
  const source = fixed(['http://127.0.0.1:1'])
  const fetch = createFetch({
    source,
    defaults: { health: { path: '/healthz' } },
    services: { a: {}, b: { health: false } },
  })
  await fetch.close()
  expect(() => createFetch({ source, defaults: { health: { path: 'x' } }, services: { a: {} } })).toThrow(
    'health.path',
  )
})
