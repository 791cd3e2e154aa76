import { expect, test } from 'vitest'
import { CHECKS_AT_A_TIME } from '../../src/health/checker.ts'
import { FAIL, HealthHarness, PASS } from './harness.ts'

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `i${index}`)

test('no check and no timer before the first call', async () => {
  const harness = new HealthHarness()
  harness.apply('a', 'b')
  expect(harness.clock.timers).toBe(0)
  await harness.clock.advance(100_000)
  expect(harness.asked).toEqual([])
})

test('each instance is checked once per interval, ± 20 %, while there are calls', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.apply('a', 'b', 'c')
  await harness.busy(100_000)
  for (const id of ['a', 'b', 'c']) {
    const times = harness.asked.filter((each) => each.id === id).map(({ at }) => at)
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(800)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_200)
    expect(new Set(gaps).size).toBeGreaterThan(10)
  }
})

test('has one timer at most, which stops a minute after the last call and starts again with the next', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.answers.set('a', undefined)
  harness.apply('a', 'b')
  harness.run()
  await harness.clock.advance(0)
  for (let second = 0; second < 50; second++) {
    await harness.clock.advance(1_000)
    // One timer of the checker, and one of the harness for each answer in progress.
    expect(harness.clock.timers).toBeLessThanOrEqual(3)
  }
  await harness.clock.advance(20_000)
  expect(harness.clock.timers).toBe(0)
  const before = harness.asked.length
  await harness.clock.advance(600_000)
  expect(harness.asked.length).toBe(before)
  harness.run()
  await harness.clock.advance(1_500)
  expect(harness.asked.length).toBeGreaterThan(before)
})

test('a service whose calls are all refused counts as in use', async () => {
  const harness = new HealthHarness({ interval: 1_000 }, { breaker: { failureThreshold: 1, openFor: 1e9 } })
  harness.apply('a')
  harness.run('failure')
  for (let second = 0; second < 200; second++) {
    expect(harness.run()).toBeUndefined()
    await harness.clock.advance(1_000)
  }
  expect(harness.asked.length).toBeGreaterThan(150)
})

test('three failures in a row, a second apart, make an instance unhealthy; two passes make it healthy', async () => {
  const harness = new HealthHarness()
  harness.apply('a', 'b')
  await harness.busy(15_000)
  harness.answers.set('a', FAIL)
  const failing = harness.clock.now()
  while (harness.told.length === 0) await harness.busy(100)
  expect(harness.told).toEqual(['unhealthy a'])
  expect(harness.clock.now() - failing).toBeLessThan(12_000 + 2 * 1_200 + 200)
  for (let call = 0; call < 20; call++) expect(harness.run()).toBe('b')
  harness.answers.set('a', PASS)
  await harness.busy(15_000)
  expect(harness.told).toEqual(['unhealthy a', 'healthy a'])
  expect(harness.run()).toBe('a')
})

test('one failure changes nothing, nor do two', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.apply('a', 'b')
  await harness.busy(3_000)
  for (let round = 0; round < 20; round++) {
    const before = harness.asked.filter(({ id }) => id === 'a').length
    harness.answers.set('a', FAIL)
    while (harness.asked.filter(({ id }) => id === 'a').length < before + 2) await harness.busy(10, 10)
    harness.answers.set('a', PASS)
    await harness.busy(2_000)
  }
  expect(harness.told).toEqual([])
})

test('a check that fails for all instances is not trusted, and calls continue as without checks', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.pick = (endpoints, request) => endpoints[Math.floor(request.random() * endpoints.length)]
  harness.apply('a', 'b', 'c')
  for (const id of ['a', 'b', 'c']) harness.answers.set(id, FAIL)
  await harness.busy(20_000)
  expect(harness.told.toSorted()).toEqual(['unhealthy a', 'unhealthy b', 'unhealthy c'])
  const picked = new Set(Array.from({ length: 60 }, () => harness.run()))
  expect(picked).toEqual(new Set(['a', 'b', 'c']))
})

test('a retry does not go to an unhealthy instance while a tried one is healthy', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.apply('a', 'b')
  harness.answers.set('a', FAIL)
  await harness.busy(10_000)
  const first = harness.acquire()
  const tried = first?.endpoint
  const second = harness.acquire(undefined, { attempt: 2, excluded: (endpoint) => endpoint === tried })
  expect([first?.instance.id, second?.instance.id]).toEqual(['b', 'b'])
})

test('panicThreshold counts unhealthy instances as gone', async () => {
  const harness = new HealthHarness({ interval: 1_000 }, { panicThreshold: 0.5 })
  harness.apply('a', 'b', 'c')
  harness.answers.set('a', FAIL)
  harness.answers.set('b', FAIL)
  await harness.busy(10_000)
  harness.run()
  expect(harness.lists.at(-1)).toHaveLength(3)
})

test('a new instance gets calls at once; with initial unhealthy, after its first check', async () => {
  const eager = new HealthHarness({ interval: 1_000 })
  eager.apply('a')
  await eager.busy(3_000)
  eager.apply('b', 'a')
  expect(eager.run()).toBe('b')

  const wary = new HealthHarness({ interval: 1_000, initial: 'unhealthy' })
  wary.apply('a')
  // In a fleet in which all instances are new, none is held back.
  expect(wary.run()).toBe('a')
  await wary.busy(3_000)
  wary.apply('b', 'a')
  expect(wary.run()).toBe('a')
  await wary.busy(1_500)
  expect(wary.run()).toBe('b')
})

test('at most eight checks run at a time, even if none is answered', async () => {
  const harness = new HealthHarness({ interval: 1_000, timeout: 900 })
  for (const id of ids(50)) harness.answers.set(id, undefined)
  harness.apply(...ids(50))
  let most = 0
  for (let step = 0; step < 300; step++) {
    await harness.busy(100)
    const since = harness.clock.now() - 900
    most = Math.max(most, harness.asked.filter(({ at, cancelled }) => at > since && !cancelled).length)
  }
  expect(most).toBe(CHECKS_AT_A_TIME)
  expect(new Set(harness.asked.map(({ id }) => id)).size).toBe(50)
})

test('at most ten checks per second are made for a thousand instances', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.apply(...ids(1_000))
  await harness.busy(120_000)
  const perSecond = harness.asked.length / 120
  expect(perSecond).toBeGreaterThan(7)
  expect(perSecond).toBeLessThan(13)
})

test('a server that answers 429 is not checked for a while, and is not unhealthy', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.answers.set('a', { outcome: 'none', pause: 60_000 })
  harness.apply('a', 'b')
  await harness.busy(50_000)
  expect(harness.asked.filter(({ id }) => id === 'a')).toHaveLength(1)
  expect(harness.told).toEqual([])
})

test('the check of an instance that leaves is cancelled', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.answers.set('a', undefined)
  harness.apply('a', 'b')
  await harness.busy(1_200)
  const asked = harness.asked.find(({ id }) => id === 'a')
  harness.apply('b')
  expect(asked?.cancelled).toBe(true)
  // Its answer arrives too late.
  asked?.answer(FAIL)
  await harness.busy(5_000)
  expect(harness.told).toEqual([])
})

test('close() during checks leaves no timer and no check', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  for (const id of ids(5)) harness.answers.set(id, undefined)
  harness.apply(...ids(5))
  await harness.busy(1_500)
  harness.checker.close()
  expect(harness.clock.timers).toBe(0)
  const before = harness.asked.length
  expect(before).toBeGreaterThan(0)
  harness.checker.wake()
  harness.checker.rearm()
  harness.checker.applied()
  harness.apply('z')
  harness.run()
  await harness.clock.advance(100_000)
  expect(harness.asked.length).toBe(before)
})

test('a check that could not be read in time gets its timeout once more', async () => {
  const harness = new HealthHarness({ interval: 10_000, timeout: 1_000, unhealthyThreshold: 1 })
  harness.answers.set('a', undefined)
  harness.apply('a', 'b')
  harness.run()
  while (harness.asked.every(({ id }) => id !== 'a')) await harness.busy(10, 10)
  // The process stalls just before the check times out: the clock advances, but no timer fires.
  const { clock } = harness
  const now = clock.now.bind(clock)
  await clock.advance(900)
  clock.now = () => now() + 500
  await clock.advance(900)
  expect(harness.told).toEqual([])
  await harness.busy(4_000)
  expect(harness.told).toEqual(['unhealthy a'])
})

test('after a time without calls, one pass makes an instance healthy', async () => {
  const harness = new HealthHarness({ interval: 10_000, healthyThreshold: 5 })
  harness.answers.set('a', FAIL)
  harness.apply('a', 'b')
  await harness.busy(20_000)
  expect(harness.told).toEqual(['unhealthy a'])
  await harness.clock.advance(200_000)
  harness.answers.set('a', PASS)
  await harness.busy(100)
  expect(harness.told).toEqual(['unhealthy a', 'healthy a'])
})

test('update() changes the rules of checks, or turns checks off', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.answers.set('a', FAIL)
  harness.apply('a', 'b')
  await harness.busy(10_000)
  expect(harness.run()).toBe('b')
  harness.checker.reconfigure(undefined)
  harness.fleet.invalidate()
  expect(harness.run()).toBe('a')
  const before = harness.asked.length
  await harness.busy(10_000)
  expect(harness.asked.length).toBe(before)
  harness.checker.reconfigure(harness.checks({ interval: 500 }))
  await harness.busy(10_000)
  expect(harness.asked.length - before).toBeGreaterThan(25)
})

test('a check that throws counts as failed', async () => {
  const harness = new HealthHarness({ interval: 1_000 })
  harness.apply('a', 'b')
  harness.checker.reconfigure({
    ...harness.checks({ interval: 1_000 }),
    check: (url, done) => {
      if (url.includes('//a')) throw new Error('no')
      queueMicrotask(() => done(PASS))
      return () => {}
    },
  })
  await harness.busy(10_000)
  expect(harness.told).toEqual(['unhealthy a'])
})
