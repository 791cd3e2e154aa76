import { Ajv } from 'ajv'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createFetch, fixed, type ServiceOptions } from '../../src/index.ts'

const accepts = new Ajv({ strict: false }).compile(
  JSON.parse(await readFile('config.schema.json', 'utf8')) as object,
)
const source = fixed(['http://127.0.0.1:1'])

/** What a service or a route may have, and what it may not, in what JSON can say. */
const GOOD: Record<string, readonly unknown[]> = {
  timeout: [false, 1, { total: 5 }, { attempt: 5, connect: 5, idle: 5 }],
  retry: [false, {}, { attempts: 1 }, { backoff: 0 }, { backoff: { initial: 5, factor: 1 } }],
  breaker: [
    false,
    {},
    { failureRate: 0.5, window: { calls: 10 } },
    { slowCallRate: 1, slowCallDuration: 100, window: { ms: 1 } },
    { openFor: 5, successRate: 1, dryRun: true },
    { openFor: { initial: 5, jitter: 1 }, probeTimeout: 1, rampFor: 0 },
  ],
  hedge: [false, {}, { after: 0, max: 2 }, { after: { percentile: 1 } }],
  limit: [false, 1, 'adaptive', { max: 5, queue: 0 }, { max: 'adaptive', adaptive: { min: 1, max: 5 } }],
  throttle: [false, {}, { k: 1.5, window: 5_000 }],
  stale: [false, { maxAge: 5 }, { maxAge: 5, maxEntries: 1, maxBytes: 0, maxBodyBytes: 0 }],
  coalesce: [true, false, {}, { ignoreHeaders: ['x-a'], keyHeaders: [] }],
  traffic: [
    false,
    [],
    [{ to: { version: 'v2' }, share: 0, key: { header: 'x-user' } }],
    [{ to: { zone: ['a', 'b'] }, when: { priority: ['critical', 'default'] }, otherwise: 'any' }],
    [{ to: { metadata: { tenant: 'a' } }, when: { header: { 'x-a': true }, percent: 100 } }],
  ],
  mirror: [false, { to: { version: 'v2' }, share: 0, max: 1 }],
  headers: [{}, { 'x-a': 'b' }],
  validate: ['off', 'warn', 'error'],
  contractFailure: [true, false],
  waitForReady: [true, false],
}
const BAD: Record<string, readonly unknown[]> = {
  timeout: [0, -1, '1', true, { total: 0 }, { attempt: 0 }, { connect: 0 }, { idle: 0 }, { first: 1 }],
  retry: [true, 3, { attempts: 0 }, { attempts: 1.5 }, { backoff: { factor: 0.5 } }, { statuses: [500] }],
  breaker: [
    true,
    { failureThreshold: 0 },
    { failureThreshold: 1.5 },
    { failureRate: 0 },
    { failureRate: 1.1 },
    { slowCallRate: 0.5 },
    { window: {} },
    { window: { calls: 1.5 } },
    { window: { ms: 0 } },
    { window: { calls: 1, ms: 1 } },
    { minimumCalls: 1.5 },
    { openFor: 0 },
    { openFor: { max: 5 } },
    { successRate: 0 },
    { successThreshold: 1.5 },
    { halfOpenProbes: 1.5 },
    { probeTimeout: 0 },
    { maxHalfOpenWait: 0 },
    { dryRun: 1 },
    { enabled: true },
  ],
  hedge: [true, 5, { after: {} }, { after: { percentile: 0 } }, { max: 0 }, { max: 1.5 }],
  limit: [true, 0, 1.5, 'many', { max: 5, queue: 1.5 }, { max: 5, wait: 1 }],
  throttle: [true, { k: 1 }, { window: 0 }],
  stale: [true, {}, { maxAge: 0 }, { maxAge: 5, maxEntries: 1.5 }],
  coalesce: [1, { ignoreHeaders: 'x-a' }, { ignore: [] }],
  traffic: [
    true,
    [{}],
    [{ to: {} }],
    [{ to: { metadata: {} } }],
    [{ to: { version: [] } }],
    [{ to: { zone: 'a' }, share: 2 }],
    [{ to: { zone: 'a' }, share: 0.5, key: { header: 'x y' } }],
    [{ to: { zone: 'a' }, when: { priority: 'high' } }],
    [{ to: { zone: 'a' }, when: { percent: 101 } }],
    [{ to: { zone: 'a' }, otherwise: 'none' }],
  ],
  mirror: [true, {}, { to: { version: 'v2' }, max: 1.5 }, { to: { version: 'v2' }, timeout: 0 }],
  headers: ['x', { 'a b': 'c' }, { a: 'b\nc' }, { a: 1 }],
  validate: ['never'],
  contractFailure: [1],
  waitForReady: [1],
}
/** What only a service may have. */
const GOOD_OF_A_SERVICE: Record<string, readonly unknown[]> = {
  limit: [{ perInstance: 5 }],
  outliers: [false, {}, { successRate: false, latency: { factor: 1 }, failureShare: 1 }],
  health: [false, { path: '/health', expect: { status: [200] } }, { tcp: true }, { grpc: true }],
  warm: [0, 100],
  attemptHeader: ['x-attempt'],
  deadline: [{ header: 'x-deadline' }],
  maxResponseSize: [1],
  routes: [{}, { 'GET /': {} }, { '/users/{id}': {} }, { '* /**': {} }],
}
const BAD_OF_A_SERVICE: Record<string, readonly unknown[]> = {
  outliers: [true, { interval: 0 }, { latency: true }, { every: 1 }],
  health: [
    true,
    {},
    { path: 'health' },
    { path: '/health', tcp: true },
    { path: '/', interval: 0 },
    { url: 'x' },
  ],
  warm: [-1, 1.5, 101],
  attemptHeader: ['', 'x y'],
  deadline: [{}, { header: 'x y' }],
  maxResponseSize: [0, 1.5],
  routes: [{ users: {} }, { 'GET users': {} }, { 'GET /': false }],
  balance: ['roundRobin'],
}

const each = (options: Record<string, readonly unknown[]>): [string, object][] =>
  Object.entries(options).flatMap(([name, values]) =>
    values.map((value): [string, object] => [JSON.stringify({ [name]: value }), { [name]: value }]),
  )

/** Whether the schema takes it, and whether the library does. */
function both(config: Record<string, unknown>, given: ServiceOptions): [boolean, boolean] {
  const data = { source: { fixed: ['http://127.0.0.1:1'] }, ...config, services: { users: given } }
  const taken = (): boolean => {
    try {
      createFetch({ ...config, source, services: { users: given } })
      return true
    } catch {
      return false
    }
  }
  return [accepts(JSON.parse(JSON.stringify(data))), taken()]
}

describe('config.schema.json and the library', () => {
  const inRoute = (rule: object): ServiceOptions => ({ routes: { 'GET /users/{id}': rule } })

  it.each(each(GOOD))('accept %s', (_name, options) => {
    expect(both({}, options)).toEqual([true, true])
    expect(both({ defaults: options }, {})).toEqual([true, true])
    expect(both({}, inRoute(options))).toEqual([true, true])
  })

  it.each(each(BAD))('refuse %s', (_name, options) => {
    expect(both({}, options)).toEqual([false, false])
    expect(both({ defaults: options }, {})).toEqual([false, false])
    expect(both({}, inRoute(options))).toEqual([false, false])
  })

  it.each(each(GOOD_OF_A_SERVICE))('accept %s of a service', (_name, options) => {
    expect(both({}, options)).toEqual([true, true])
  })

  it.each([...each(GOOD_OF_A_SERVICE), ...each(BAD_OF_A_SERVICE)])(
    'refuse %s of a route',
    (_name, options) => {
      expect(both({}, inRoute(options))).toEqual([false, false])
    },
  )

  it.each(each(BAD_OF_A_SERVICE))('refuse %s of a service', (_name, options) => {
    expect(both({}, options)).toEqual([false, false])
  })

  it.each([{ suffixes: ['internal'] }, { idleTimeout: 0 }, { unknown: 'ask' }, { otherwise: 'discover' }])(
    'refuse %j of an application',
    (config) => {
      expect(both(config, {})).toEqual([false, false])
    },
  )
})
