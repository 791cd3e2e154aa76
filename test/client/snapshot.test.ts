import { expect, it } from 'vitest'
import { createClient, fixed } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { HandSource } from '../support/source.ts'
import { until } from '../support/until.ts'

const a = {
  id: 'a',
  url: 'http://127.0.0.1:1001',
  weight: 2,
  zone: 'z',
  metadata: { version: '1', tags: ['x'] },
}

it('snapshot() survives a JSON round trip', async () => {
  await using client = createClient({
    service: 'user-service',
    source: fixed([a, 'http://127.0.0.1:1002']),
    balance: inOrder,
    breaker: { failureThreshold: 1 },
    retry: false,
    clock: new ManualClock(),
    routes: { 'POST /users': { breaker: { failureThreshold: 5 } }, '/reports/**': { breaker: false } },
  })
  await client.execute(() => Promise.reject(new Error('boom'))).catch(() => {})
  const hanging = Promise.withResolvers<string>()
  const running = client.execute(() => hanging.promise)
  const snapshot = client.snapshot()
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
  expect(snapshot).toMatchObject({
    service: 'user-service',
    ready: true,
    stale: false,
    instances: [
      {
        instance: a,
        breaker: 'open',
        routes: { 'POST /users': 'closed' },
        inFlight: 0,
        pending: 0,
        settled: { success: 0, failure: 1, overload: 0, ignored: 0 },
      },
      { instance: { id: '127.0.0.1:1002' }, breaker: 'closed', inFlight: 1, pending: 1 },
    ],
  })
  hanging.resolve('done')
  await running
})

it('snapshot() returns a copy, whose changes have no effect', async () => {
  await using client = createClient({ service: 'user-service', source: fixed([a]) })
  await client.ready()
  const snapshot = client.snapshot() as unknown as {
    instances: { settled: { success: number }; instance: { url: string } }[]
  }
  snapshot.instances[0]!.settled.success = 7
  snapshot.instances[0]!.instance.url = 'http://elsewhere'
  snapshot.instances.length = 0
  expect(client.snapshot().instances).toMatchObject([{ instance: { url: a.url }, settled: { success: 0 } }])
})

it('snapshot() reports whether instances are known, and whether they are stale', async () => {
  const source = new HandSource()
  await using client = createClient({ service: 'user-service', source })
  expect(client.snapshot()).toEqual({
    service: 'user-service',
    ready: false,
    stale: false,
    budget: 10,
    instances: [],
  })
  source.push(a)
  await client.ready()
  expect(client.snapshot()).toMatchObject({ ready: true, stale: false, instances: [{ instance: a }] })
  source.fail(new Error('away'))
  await until(() => client.snapshot().stale)
  const { staleFor } = client.snapshot()
  expect(staleFor).toBeGreaterThanOrEqual(0)
  expect(client.snapshot()).toMatchObject({ ready: true, instances: [{ instance: a }] })
})
