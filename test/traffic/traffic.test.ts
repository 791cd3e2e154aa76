import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  CircuitOpenError,
  createClient,
  MemoryRegistry,
  NoInstanceError,
  roundRobin,
  type Client,
  type ClientOptions,
  type TrafficRule,
} from '../../src/index.ts'
import type { TrafficRequest } from '../../src/traffic/condition.ts'
import { Traffic } from '../../src/traffic/traffic.ts'
import { startServer, type TestServer } from '../support/http-server.ts'

const service = 'user-service'
let registry: MemoryRegistry
let servers: Record<string, TestServer>
/** What each server responds with. */
let status: Record<string, number>

beforeEach(async () => {
  registry = new MemoryRegistry({ ttl: 60_000 })
  servers = {}
  status = {}
  for (const name of ['v1', 'v2', 'eu']) {
    const server = await startServer((_request, response) => {
      response.writeHead(status[name] ?? 200).end(name)
    })
    servers[name] = server
    const metadata = name === 'eu' ? { version: 'v1', tenant: 'acme', build: 7 } : { version: name }
    registry.register(service, { id: name, url: server.url, zone: name === 'eu' ? 'eu' : 'us', metadata })
  }
})
afterEach(async () => {
  for (const server of Object.values(servers)) await server.close()
})

async function connect(options: Partial<ClientOptions>): Promise<Client> {
  const client = createClient({ service, source: registry, balance: roundRobin(), ...options })
  await client.ready()
  return client
}

/** Returns which servers respond to a number of calls. */
async function answers(
  call: (index: number) => Promise<Response>,
  calls = 40,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let index = 0; index < calls; index++) {
    const text = await (await call(index)).text()
    counts[text] = (counts[text] ?? 0) + 1
  }
  return counts
}

const no = (): boolean => false
const canary: TrafficRule = { to: { version: 'v2' }, share: 0.25, key: { header: 'x-user' } }
const user = (index: number): RequestInit => ({ headers: { 'x-user': `user ${index}` } })

describe('a share', () => {
  it('takes about its fraction of the users, each always in the same way, and no other call goes there', async () => {
    await using client = await connect({ traffic: [canary], balance: roundRobin() })
    const sides = new Map<number, string>()
    const counts = await answers(async (index) => {
      const response = await client('/', user(index % 60))
      const text = await response.clone().text()
      const side = text === 'v2' ? 'new' : 'old'
      expect(sides.get(index % 60) ?? side).toBe(side)
      sides.set(index % 60, side)
      return response
    }, 180)
    const share = [...sides.values()].filter((side) => side === 'new').length / 60
    expect(share).toBeGreaterThan(0.1)
    expect(share).toBeLessThan(0.4)
    expect(counts['v1']).toBeGreaterThan(20)
    expect(counts['eu']).toBeGreaterThan(20)
  })

  it('keeps its users when it grows', async () => {
    const small = new Traffic([{ ...canary, share: 0.05 }], 'traffic')
    const large = new Traffic([{ ...canary, share: 0.2 }], 'traffic')
    const on = (traffic: Traffic, index: number): boolean =>
      traffic.choose({ random: () => 1, header: () => `user ${index}` }, { isEmpty: no, isDown: no })
        ?.name === 'version v2'
    const users = Array.from({ length: 4000 }, (_, index) => index)
    const few = users.filter((index) => on(small, index))
    expect(few.length / 4000).toBeCloseTo(0.05, 1)
    expect(users.filter((index) => on(large, index)).length / 4000).toBeCloseTo(0.2, 1)
    expect(few.every((index) => on(large, index))).toBe(true)
  })

  it('takes no calls if the source lists none of its instances', async () => {
    await using client = await connect({ traffic: [{ to: { version: 'v9' }, share: 1 }] })
    expect(Object.keys(await answers(() => client('/')))).toHaveLength(3)
  })

  it('takes no calls if the breakers of all its instances are open, unless it may fail', async () => {
    status = { v2: 500 }
    const share: TrafficRule = { to: { version: 'v2' }, share: 1 }
    await using client = await connect({
      traffic: [share],
      breaker: { failureThreshold: 2, openFor: 60_000 },
      retry: false,
    })
    const statuses: number[] = []
    for (let call = 0; call < 12; call++) statuses.push((await client('/')).status)
    expect(statuses.filter((each) => each !== 200)).toEqual([500, 500])
    client.update({ traffic: [{ ...share, otherwise: 'fail' }] })
    await expect(client('/')).rejects.toThrow(CircuitOpenError)
  })

  it('is shown in snapshot(), with the number of calls it has taken', async () => {
    await using client = await connect({
      traffic: [{ to: { version: 'v2' }, share: 1 }],
      routes: { 'GET /old': { traffic: [{ to: { zone: 'eu' } }] } },
    })
    await answers(() => client('/'), 3)
    client.explain('/')
    client.update({ timeout: 5_000 })
    const snapshot = client.snapshot()
    expect(snapshot.traffic).toEqual([{ to: 'version v2', share: 1, taken: 3, instances: 1 }])
    expect(snapshot.routeTraffic).toEqual({
      'GET /old': [{ to: 'zone eu', share: 1, taken: 0, instances: 1 }],
    })
  })

  it('does not send other users to the new version when every breaker of the old one is open', async () => {
    status = { v1: 500, eu: 500 }
    await using client = await connect({
      traffic: [{ to: { version: 'v2' }, share: 0 }],
      breaker: { failureThreshold: 2, openFor: 60_000 },
      retry: false,
    })
    const counts: unknown[] = []
    for (let call = 0; call < 12; call++) {
      counts.push(
        await client('/').then(
          (response) => response.text(),
          (error: Error) => error.name,
        ),
      )
    }
    expect(counts).not.toContain('v2')
    expect(counts).toContain('CircuitOpenError')
  })
})

describe('where a call goes', () => {
  it.each<[string, TrafficRule[], RequestInit | undefined, string, string[]]>([
    ['by version', [{ to: { version: 'v2' } }], undefined, '/', ['v2']],
    ['by zone', [{ to: { zone: ['eu', 'asia'] } }], undefined, '/', ['eu']],
    [
      'by metadata, numbers as text',
      [{ to: { metadata: { tenant: 'acme', build: '7' } } }],
      undefined,
      '/',
      ['eu'],
    ],
    [
      'by a header that is present',
      [{ when: { header: { 'X-Test': true } }, to: { version: 'v2' } }],
      { headers: { 'x-test': '' } },
      '/',
      ['v2'],
    ],
    [
      'by a header that is absent',
      [{ when: { header: { 'x-test': true } }, to: { version: 'v2' } }],
      undefined,
      '/',
      ['eu', 'v1', 'v2'],
    ],
    [
      'by the value of a header',
      [{ when: { header: { tenant: ['a', 'acme'] } }, to: { zone: 'eu' } }],
      { headers: { Tenant: 'acme' } },
      '/',
      ['eu'],
    ],
    [
      'by a parameter of the query',
      [{ when: { query: { v: '2' } }, to: { version: 'v2' } }],
      undefined,
      '/?v=1&v=2',
      ['v2'],
    ],
    [
      'by method',
      [{ when: { method: 'post' }, to: { version: 'v2' } }],
      { method: 'POST', body: 'x' },
      '/',
      ['v2'],
    ],
    ['by percent', [{ when: { percent: 100 }, to: { version: 'v2' } }], undefined, '/', ['v2']],
    [
      'by the first rule that matches it',
      [{ when: { percent: 0 }, to: { version: 'v2' } }, { to: { zone: 'eu' } }],
      undefined,
      '/',
      ['eu'],
    ],
    [
      'to any instance, if none matches and `any` is set',
      [{ to: { version: 'v9' }, otherwise: 'any' }],
      undefined,
      '/',
      ['eu', 'v1', 'v2'],
    ],
  ])('%s', async (_name, traffic, init, path, expected) => {
    await using client = await connect({ traffic })
    expect(Object.keys(await answers(() => client(path, init), 30)).toSorted()).toEqual(expected)
  })

  it('is decided by the rules of the route instead of those of the client, on every door', async () => {
    await using client = await connect({
      traffic: [{ to: { version: 'v2' } }],
      routes: { 'GET /old': { traffic: [{ to: { zone: 'eu' } }] }, 'GET /any': { traffic: false } },
    })
    expect(Object.keys(await answers(() => client('/old')))).toEqual(['eu'])
    expect(Object.keys(await answers(() => client('/any')))).toHaveLength(3)
    expect(await (await client.request('/old')).body.text()).toBe('eu')
    expect(await client.execute(({ id }) => Promise.resolve(id))).toBe('v2')
    expect(await client.execute(({ id }) => Promise.resolve(id), { route: 'GET /old' })).toBe('eu')
    const { request } = await import('undici')
    const answer = await request(`http://${service}/old`, { dispatcher: client.dispatcher })
    expect(await answer.body.text()).toBe('eu')
  })

  it('is the same for its retries', async () => {
    status = { v2: 503 }
    await using client = await connect({ traffic: [{ to: { version: 'v2' } }], breaker: false })
    expect((await client('/')).status).toBe(503)
    expect(servers['v1']?.requests).toEqual([])
    expect(servers['eu']?.requests).toEqual([])
  })

  it('changes with client.update() between two calls', async () => {
    await using client = await connect({ traffic: [{ to: { version: 'v2' } }] })
    expect(Object.keys(await answers(() => client('/'), 5))).toEqual(['v2'])
    client.update({ traffic: [{ to: { zone: 'eu' } }] })
    expect(Object.keys(await answers(() => client('/'), 5))).toEqual(['eu'])
    client.update({ traffic: undefined })
    expect(Object.keys(await answers(() => client('/'), 40))).toHaveLength(3)
  })

  it('changes with the registry', async () => {
    await using client = await connect({ traffic: [{ to: { version: 'v2' } }] })
    await (await client('/')).text()
    registry.deregister(service, 'v2')
    await turn()
    await expect(client('/')).rejects.toThrow(NoInstanceError)
    registry.register(service, { id: 'v3', url: servers['eu']?.url ?? '', metadata: { version: 'v2' } })
    await turn()
    expect(await (await client('/')).text()).toBe('eu')
  })
})

describe('an empty subset', () => {
  it('fails the call with an error that names it', async () => {
    await using client = await connect({
      traffic: [{ when: { header: { 'x-test': true } }, to: { version: ['v8', 'v9'], zone: 'us' } }],
    })
    const refused = await client('/', { headers: { 'x-test': '1' } }).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      name: 'NoInstanceError',
      message:
        'none of the 3 instances of user-service is in the subset version v8 or v9, zone us that traffic names',
    })
    expect((await client('/')).status).toBe(200)
  })

  it('is shown in explain()', async () => {
    await using client = await connect({
      traffic: [{ when: { header: { 'x-test': true } }, to: { version: 'v2' } }],
    })
    const explained = client.explain('/', { headers: { 'x-test': '1' } })
    expect(explained.subset).toBe('version v2')
    expect(explained.instances.map(({ id, mayBePicked, why }) => [id, mayBePicked, why])).toEqual([
      ['v1', false, 'in another subset'],
      ['v2', true, 'may be picked'],
      ['eu', false, 'in another subset'],
    ])
    expect(client.explain('/').available).toBe(3)
  })
})

describe('user functions and objects', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['returns a promise', () => Promise.resolve('a')],
    ['returns a number', () => Number.NaN],
    ['returns a promise that rejects', () => Promise.reject(new Error('boom'))],
  ])('a call whose key function %s has no key, with one warning', async (_name, key) => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using client = await connect({ traffic: [{ ...canary, share: 0.5, key: key as () => string }] })
    const counts = await answers(() => client('/'))
    // The choice is random, as for any call without a key.
    expect(counts['v2']).toBeGreaterThan(0)
    expect(counts['v2']).toBeLessThan(40)
    expect(warnings.mock.calls.map(([message]) => message)).toEqual([
      expect.stringMatching(/^traffic\[0\]\.key (?:threw|returned) .*; such a call has no key$/),
    ])
    vi.restoreAllMocks()
  })

  it('rules that the caller changes after construction have no effect', async () => {
    const to = { version: 'v2' }
    await using client = await connect({ traffic: [{ to }] })
    to.version = 'v1'
    expect(Object.keys(await answers(() => client('/'), 5))).toEqual(['v2'])
  })

  it('metadata with names of Object.prototype are data', async () => {
    const metadata = JSON.parse('{ "__proto__": "x", "constructor": "y" }') as Record<string, unknown>
    registry.register(service, { id: 'odd', url: servers['eu']?.url ?? '', metadata })
    await using client = await connect({ traffic: [{ to: { metadata: { constructor: 'y' } } }] })
    expect(Object.keys(await answers(() => client('/'), 5))).toEqual(['eu'])
    client.update({ traffic: [{ to: { metadata: { toString: 'y' } } }] })
    await expect(client('/')).rejects.toThrow(/none of the \d instances/)
  })

  it.each<[unknown, string]>([
    [{}, 'traffic must be a list of rules, got {}'],
    [[5], 'traffic[0] must be an object'],
    [[{}], 'traffic[0].to must be an object'],
    [[{ to: {} }], 'traffic[0].to must name a version, a zone or metadata'],
    [[{ to: { version: 5 } }], 'traffic[0].to.version must be a string or a list of strings, got 5'],
    [[{ to: { zone: [] } }], 'traffic[0].to.zone must be a string or a list of strings, got []'],
    [[{ to: { version: 'a' }, share: 5 }], 'traffic[0].share must be'],
    [[{ to: { version: 'a' }, when: { percent: 101 } }], 'traffic[0].when.percent must be'],
    [[{ to: { version: 'a' }, when: { headers: {} } }], 'headers'],
    [[{ to: { version: 'a' }, when: { priority: 'high' } }], 'traffic[0].when.priority must be one of'],
    [
      [{ to: { version: 'a' }, otherwise: 'none' }],
      "traffic[0].otherwise must be 'fail' or 'any', got 'none'",
    ],
    [[{ to: { version: 'a' }, key: {} }], 'traffic[0].key must name one header'],
  ])('%j is rejected', (traffic, message) => {
    expect(() => createClient({ service, source: registry, traffic: traffic as TrafficRule[] })).toThrow(
      message,
    )
  })
})

it('a user strategy is also called when one instance is left, and may pick none', async () => {
  for (const id of ['v1', 'eu']) registry.deregister(service, id)
  await using client = await connect({ balance: { pick: () => undefined } })
  await expect(client('/')).rejects.toThrow('the balancer picked none')
})

/** A simple implementation of the rules. */
function model(
  rules: readonly TrafficRule[],
  request: { version?: string; draws: number[] },
  empty: ReadonlySet<string>,
): string {
  for (const { when, to, share, otherwise } of rules) {
    const version = String(to.version)
    if (when?.header && request.version !== when.header['x-version']) continue
    if (share !== undefined && share < 1 && !((request.draws.shift() ?? 0) < share)) continue
    const mayFail = (otherwise ?? (share === undefined ? 'fail' : 'any')) === 'fail'
    if (empty.has(version) && !mayFail) continue
    return `version ${version}`
  }
  const shared = rules
    .filter(({ share }) => share !== undefined)
    .map(({ to }) => `(version ${String(to.version)})`)
  return shared.length > 0 ? `not ${shared.join(' nor ')}` : 'any'
}

it('any rules choose the same as a simple implementation of them', () => {
  const versions = fc.constantFrom('v1', 'v2', 'v3')
  const rules = fc.array(
    fc.record(
      {
        when: fc.record({ header: fc.record({ 'x-version': versions }) }),
        to: fc.record({ version: versions }),
        share: fc.constantFrom(0, 0.3, 1),
        otherwise: fc.constantFrom('fail' as const, 'any' as const),
      },
      { requiredKeys: ['to'] },
    ),
    { maxLength: 4 },
  )
  fc.assert(
    fc.property(
      rules,
      fc.option(versions, { nil: undefined }),
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 4, maxLength: 4 }),
      fc.uniqueArray(versions),
      (given, version, draws, empty) => {
        const left = [...draws]
        const request: TrafficRequest = {
          header: (name) => (name === 'x-version' ? version : undefined),
          random: () => left.shift() ?? 0,
        }
        const none = new Set<string>(empty)
        const isEmpty = ({ name }: { name: string }): boolean => none.has(name.replace('version ', ''))
        const chosen = new Traffic(given, 'traffic').choose(request, { isEmpty, isDown: isEmpty })
        const expected = model(given, { ...(version && { version }), draws: [...draws] }, none)
        expect(chosen?.name ?? 'any').toBe(expected)
      },
    ),
    { numRuns: 2000 },
  )
})
