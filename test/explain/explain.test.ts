import { array, assert, asyncProperty, constantFrom } from 'fast-check'
import { expect, it } from 'vitest'
import { createClient, fixed, peakEwma, subset, type ClientOptions, type Endpoint } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { HandSource } from '../support/source.ts'

const at = (id: string, more = {}) => ({ id, url: `http://${id}.invalid:80`, ...more })
const fail = (): never => {
  throw new Error('boom')
}

const options = (clock: ManualClock): ClientOptions => ({
  service: 'svc',
  source: fixed([at('a'), at('b'), at('c', { draining: true }), at('d')]),
  balance: inOrder,
  breaker: { failureThreshold: 1, openFor: 5000, rampFor: 0 },
  retry: false,
  clock,
})

it('says for each instance whether it may be picked, or why not', async () => {
  const clock = new ManualClock()
  await using client = createClient({
    ...options(clock),
    limit: { max: 10 },
    routes: { 'GET /x': { timeout: { attempt: 300 }, retry: { attempts: 4 }, breaker: {} } },
  })
  await client.ready()
  await client.execute(fail).catch(() => {})
  const busy = new Response(null, { status: 503, headers: { 'retry-after': '3' } })
  await client.execute(() => busy)
  const told = client.explain()
  expect(told).toMatchObject({
    service: 'svc',
    ready: true,
    available: 1,
    budget: 10,
    limits: [{ limit: 10, inFlight: 0, queued: 0 }],
    plan: { total: 30_000, connect: 10_000, attempts: 1, hedges: 0, breaker: 'instance' },
  })
  const states = told.instances.map(({ id, state, mayBePicked, why }) => [id, state, mayBePicked, why])
  expect(states).toEqual([
    ['a', 'open', false, 'open for 5000 ms more'],
    ['b', 'paused', false, 'its server asked for a pause, 3000 ms more'],
    ['c', 'draining', false, 'it is leaving'],
    ['d', 'available', true, 'may be picked'],
  ])
  expect(told.instances[0]).toMatchObject({ openFor: 5000, weight: 1, ramp: 1, inFlight: 0 })
  expect(JSON.parse(JSON.stringify(told))).toEqual({ ...told })
  expect(structuredClone({ ...told })).toEqual({ ...told })
  const text = String(told)
  expect(text).toContain('svc: 1 of 4 instances may be picked')
  expect(text.split('\n').find((line) => line.startsWith('a '))).toContain('open for 5000 ms more')
  const route = client.explain('GET /x')
  expect(route).toMatchObject({
    route: 'GET /x',
    method: 'GET',
    plan: { attempt: 300, attempts: 4, breaker: 'route' },
  })
  for (const target of ['/x', 'http://svc/x', new URL('http://svc/x'), new Request('http://svc/x')]) {
    expect(client.explain(target).route).toBe('GET /x')
  }
  expect(client.explain('/x', { method: 'POST' }).route).toBeUndefined()
  expect(() => client.explain('http://other/x')).toThrow('http://svc')
})

it('says whether a request may be sent twice', async () => {
  await using client = createClient({
    ...options(new ManualClock()),
    retry: { attempts: 3 },
    routes: {
      'POST /twice': { idempotent: true },
      'GET /once': { idempotent: false },
      'PUT /off': { retry: false },
    },
  })
  const told = (target: string, method = 'GET'): unknown[] => {
    const explanation = client.explain(target, { method })
    const line = /^tries: (.*)$/m.exec(String(explanation))?.[1]
    return [explanation.plan.idempotent, explanation.plan.attempts, line]
  }
  const once = '3, but only while nothing was sent: it may not be sent twice'
  expect(told('/x')).toEqual([true, 3, '3'])
  expect(told('/x', 'POST')).toEqual([false, 3, once])
  expect(told('/twice', 'POST')).toEqual([true, 3, '3'])
  expect(told('/once')).toEqual([false, 3, once])
  expect(told('/off', 'PUT')).toEqual([true, 1, '1'])
  expect(client.explain().plan).not.toHaveProperty('idempotent')
  const headers = { 'Idempotency-Key': 'k' }
  const idempotent = (target: string, method: string): unknown =>
    client.explain(target, { method, headers }).plan.idempotent
  expect(idempotent('/x', 'POST')).toBe(true)
  expect(idempotent('/once', 'GET')).toBe(false)
  const request = new Request('http://svc/x', { method: 'POST', headers })
  expect(client.explain(request).plan.idempotent).toBe(true)
})

it('changes nothing: the next pick is the same as without it', async () => {
  const clock = new ManualClock()
  await using client = createClient({ ...options(clock), balance: peakEwma() })
  await client.ready()
  await client.execute(() => 1)
  const before = JSON.stringify(client.snapshot())
  const told = client.explain()
  expect(told.instances.every(({ cost }) => typeof cost === 'number')).toBe(true)
  expect(JSON.stringify(client.snapshot())).toBe(before)
})

it('prints a large cost in digits', async () => {
  const clock = new ManualClock()
  const balance = {
    pick: (endpoints: readonly Endpoint[]) => endpoints[0],
    standing: () => ({ cost: 5_671.4 }),
  }
  await using client = createClient({ ...options(clock), balance })
  await client.ready()
  expect(client.explain().toString()).toContain(' 5670 ')
})

it('shows instances in another subset', async () => {
  const clock = new ManualClock()
  const balance = subset(peakEwma(), { size: 1, clientId: 0 })
  await using client = createClient({ ...options(clock), source: fixed([at('a'), at('b')]), balance })
  await client.ready()
  await client.execute(() => 1)
  const told = client.explain()
  expect(told.available).toBe(1)
  expect(told.instances.filter(({ otherSubset }) => otherSubset).map(({ why }) => why)).toEqual([
    'in another subset',
  ])
})

it('shows the error of the source before the first snapshot', async () => {
  const clock = new ManualClock()
  const source = new HandSource()
  await using client = createClient({ ...options(clock), source })
  client.on('source:stale', () => {})
  source.fail(new Error('no registry'))
  await clock.advance(0)
  expect(client.explain()).toMatchObject({ ready: false, available: 0, sourceError: 'Error: no registry' })
  expect(String(client.explain())).toContain('the source fails: Error: no registry')
})

it('has one line per instance, whatever ids a registry has', async () => {
  const clock = new ManualClock()
  const forged = { id: 'a\n2 of 2 instances may be picked', url: at('a').url }
  await using client = createClient({ ...options(clock), source: fixed([forged, at('b')]) })
  await client.ready()
  expect(
    String(client.explain())
      .split('\n')
      .filter((line) => line.startsWith('2 of 2')),
  ).toEqual([])
})

it('agrees with what a call may get, whatever was done to the instances', async () => {
  const ids = ['a', 'b', 'c', 'd']
  const treatment = constantFrom('none', 'open', 'isolate', 'drain', 'weigh', 'pause', 'full', 'leave')
  const treatments = array(treatment, { minLength: 4, maxLength: 4 })
  await assert(
    asyncProperty(treatments, constantFrom(0, 0.5, 1), async (treated, panicThreshold) => {
      let offered: string[] = []
      let wanted: string | undefined
      const balance = (list: readonly Endpoint[]): Endpoint | undefined => {
        offered = list.filter(({ inFlight }) => inFlight === 0).map(({ instance }) => instance.id)
        // A full one is tried first: what is offered instead is what a call may get.
        return list.find(({ instance, inFlight }) => instance.id === wanted || inFlight > 0) ?? list[0]
      }
      await using client = createClient({
        ...options(new ManualClock()),
        source: fixed(ids.map((id, index) => at(id, { draining: treated[index] === 'leave' }))),
        balance,
        panicThreshold,
        whenAllOpen: 'refuse',
        limit: { perInstance: 1 },
      })
      await client.ready()
      const { promise: released, resolve: release } = Promise.withResolvers<Response>()
      const busy = new Response(null, { status: 503, headers: { 'retry-after': '30' } })
      const underWay = ids.flatMap((id, index) => {
        wanted = id
        if (treated[index] === 'full') return client.execute(() => released).catch(() => {})
        return treated[index] === 'pause' ? client.execute(() => busy.clone()).catch(() => {}) : []
      })
      await Promise.resolve()
      for (const [index, id] of ids.entries()) {
        if (treated[index] === 'open') client.open(id, 1000, { force: true })
        if (treated[index] === 'isolate') client.isolate(id, { force: true })
        if (treated[index] === 'drain') client.drain(id)
        if (treated[index] === 'weigh') client.weigh(id, 0)
      }
      const told = client.explain().instances.flatMap(({ id, mayBePicked }) => (mayBePicked ? id : []))
      wanted = undefined
      offered = []
      await client.execute(() => new Response()).catch(() => (offered = []))
      release(new Response())
      await Promise.all(underWay)
      expect(told).toEqual(offered)
    }),
    { numRuns: 300 },
  )
})

it('says that breakers are ignored while too few instances are admitted', async () => {
  await using client = createClient({ ...options(new ManualClock()), panicThreshold: 1 })
  await client.ready()
  await client.execute(fail).catch(() => {})
  expect(client.explain().instances[0]).toMatchObject({
    state: 'open',
    mayBePicked: true,
    why: 'open for 5000 ms more; too few instances are admitted (panicThreshold), so breakers are ignored',
  })
})
