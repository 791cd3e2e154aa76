import { expect, test } from 'vitest'
import { createClient, type Client, type ClientOptions, type Instance } from '../../src/index.ts'
import type { ControlEvent } from '../../src/observe/events.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { HandSource } from '../support/source.ts'

const instance = (id: string, more: Partial<Instance> = {}): Instance => ({
  id,
  url: `http://127.0.0.1:${9000 + id.charCodeAt(0)}`,
  ...more,
})

async function setUp(options: Partial<ClientOptions> = {}): Promise<{
  client: Client
  clock: ManualClock
  source: HandSource
  events: ControlEvent[]
  /** Returns which instances get the next 40 calls. */
  takers(): Promise<string>
}> {
  const clock = new ManualClock()
  const source = new HandSource()
  const client = createClient({ service: 'svc', source, clock, ...options })
  const events: ControlEvent[] = []
  client.on('control', (event) => events.push(event))
  source.push(instance('a'), instance('b'))
  await client.ready()
  const takers = async (): Promise<string> => {
    const seen = new Set<string>()
    for (let call = 0; call < 40; call++) seen.add(await client.execute(({ id }) => id))
    return [...seen].toSorted().join('')
  }
  return { client, clock, source, events, takers }
}

test('an isolated instance gets no call, through snapshots and address changes, until it is restored', async () => {
  const { client, source, events, takers } = await setUp()
  client.isolate('a', { reason: 'INC-1' })
  expect(await takers()).toBe('b')
  source.push(instance('a', { url: 'http://127.0.0.1:9999' }), instance('b', { zone: 'z' }))
  await expect.poll(() => client.snapshot().instances[0]?.instance.url).toBe('http://127.0.0.1:9999')
  expect(await takers()).toBe('b')
  source.push(instance('b'))
  await expect.poll(() => client.snapshot().instances.length).toBe(1)
  source.push(instance('a'), instance('b'))
  await expect.poll(() => client.snapshot().instances.length).toBe(2)
  expect(await takers()).toBe('b')
  expect(client.snapshot().instances.map(({ byHand }) => byHand)).toEqual([
    { isolated: { reason: 'INC-1' } },
    undefined,
  ])
  expect(client.explain().instances[0]).toMatchObject({ mayBePicked: false, why: 'isolated by hand: INC-1' })
  client.restore('a')
  expect(await takers()).toBe('ab')
  expect(client.snapshot().instances[0]).not.toHaveProperty('byHand')
  expect(events.map(({ action, id, reason }) => [action, id, reason])).toEqual([
    ['isolate', 'a', 'INC-1'],
    ['restore', 'a', undefined],
  ])
})

test.each(['breaker', 'no breaker', 'panic'])('isolation holds with %s', async (kind) => {
  const { client, takers } = await setUp({
    ...(kind === 'no breaker' && { breaker: false }),
    ...(kind === 'panic' && { panicThreshold: 1 }),
  })
  client.isolate('a')
  if (kind === 'panic') client.open('b', 60_000, { force: true })
  expect(await takers()).toBe('b')
})

test('an action ends at its time, by the clock and without a timer', async () => {
  const { client, clock, events, takers } = await setUp()
  client.isolate('a', { for: 1000 })
  client.weigh('b', 0, { for: 2000 })
  client.drain('b', { for: 500 })
  await clock.advance(999)
  expect(await takers()).toBe('b')
  await clock.advance(1)
  expect(await takers()).toBe('a')
  await clock.advance(1000)
  expect(await takers()).toBe('ab')
  expect(
    events.filter(({ action }) => action === 'expired').map(({ id, reason }) => `${id}: ${reason}`),
  ).toEqual([
    "b: the time for 'draining' has passed",
    "a: the time for 'isolated' has passed",
    "b: the time for 'weight' has passed",
  ])
})

test('the last instance is only isolated by force', async () => {
  const { client, source, takers } = await setUp()
  client.isolate('a')
  expect(() => client.isolate('b')).toThrow(/isolate\('b'\) would leave svc without an instance/)
  expect(() => client.open('b', 100)).toThrow(RangeError)
  expect(await takers()).toBe('b')
  // The registry removes the other one. An isolated instance is better than none.
  source.push(instance('a'))
  await expect.poll(() => client.snapshot().instances.length).toBe(1)
  expect(await takers()).toBe('a')
  expect(client.snapshot().instances[0]?.byHand).toEqual({ isolated: { suspended: true } })
  client.isolate('a', { force: true })
  await expect(takers()).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN' })
})

test('isolated instances stay isolated when the last one is isolated by force', async () => {
  const { client, source, takers } = await setUp()
  client.isolate('a', { reason: 'INC-1' })
  client.isolate('b', { force: true })
  await expect(takers()).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN' })
  expect(client.snapshot().instances.map(({ byHand }) => byHand)).toEqual([
    { isolated: { reason: 'INC-1' } },
    { isolated: {} },
  ])
  source.push(instance('a'))
  await expect.poll(() => client.snapshot().instances.length).toBe(1)
  await expect(takers()).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN' })
  client.restore('a')
  expect(await takers()).toBe('a')
})

test('the reason is in the explanation and in the event when the time has passed', async () => {
  const { client, clock, events } = await setUp()
  const why = (): string[] => client.explain().instances.map((each) => each.why)
  client.drain('a', { for: 100, reason: 'INC-1\nof today' })
  client.open('b', 1000, { reason: 'INC-2' })
  expect(why()).toEqual([
    'drained by hand: INC-1 of today; no better instance is available',
    'open for 1000 ms more, by hand: INC-2',
  ])
  await clock.advance(100)
  client.weigh('a', 0, { reason: 'INC-3' })
  expect(why()[0]).toBe('its weight is 0, by hand: INC-3; no better instance is available')
  expect(events[2]).toMatchObject({
    action: 'expired',
    reason: "the time for 'draining' has passed: INC-1 of today",
  })
})

test('drain and weigh 0 keep an instance for when no other one is available', async () => {
  const { client, takers } = await setUp()
  client.drain('a')
  expect(await takers()).toBe('b')
  client.weigh('b', 0)
  expect(await takers()).toBe('ab')
  client.isolate('b')
  expect(await takers()).toBe('a')
  client.reset()
  expect(await takers()).toBe('ab')
  expect(client.snapshot().instances.map(({ byHand, instance: { weight } }) => [byHand, weight])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ])
})

test('open() opens the breaker, which then recovers as usual; an instance that registers again is still open', async () => {
  const { client, clock, source, takers } = await setUp()
  client.open('a', 10_000, { reason: 'why' })
  expect(client.snapshot().instances[0]).toMatchObject({
    breaker: 'open',
    byHand: { open: { reason: 'why' } },
  })
  expect(await takers()).toBe('b')
  source.push(instance('b'))
  await expect.poll(() => client.snapshot().instances.length).toBe(1)
  source.push(instance('a'), instance('b'))
  await expect.poll(() => client.snapshot().instances[0]?.breaker).toBe('open')
  await clock.advance(10_000)
  expect(client.snapshot().instances[0]?.breaker).toBe('half-open')
  expect(await takers()).toBe('ab')
  client.open('a', 10_000)
  client.reset('a')
  expect(client.snapshot().instances[0]?.breaker).toBe('closed')
})

test('an invalid action is rejected and has no effect', async () => {
  const { client, events, takers } = await setUp({ breaker: false })
  expect(() => client.isolate('c')).toThrow("isolate(): svc has no instance 'c'; known: a, b")
  expect(() => client.isolate('a', { for: 0 })).toThrow(/isolate\(\)\.for must be a number > 0/)
  expect(() => client.isolate('a', { reason: 7 as never })).toThrow(/reason must be a string/)
  expect(() => client.drain('a', { force: true } as never)).toThrow(/drain\(\)\.force is not an option/)
  expect(() => client.weigh('a', -1)).toThrow(/weigh\(\)\.weight/)
  expect(() => client.open('a', 10)).toThrow(/breaker is false/)
  expect(() => client.restore('c')).toThrow(RangeError)
  expect(events).toEqual([])
  expect(await takers()).toBe('ab')
  await client.close()
  expect(() => client.isolate('a')).toThrow(/closed/)
})
