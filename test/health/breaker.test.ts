import { expect, test } from 'vitest'
import type { BreakerState } from '../../src/observe/events.ts'
import { FAIL, HealthHarness, PASS } from './harness.ts'

// docs/health.md, the table: what a health request does to a breaker.

const OPEN_FOR = 5_000

/** Three instances that are checked; `a` has a breaker that opens with its first failure. */
async function fleet(): Promise<HealthHarness> {
  const harness = new HealthHarness(
    { interval: 60_000, timeout: 1_000, unhealthyThreshold: 100 },
    {
      breaker: {
        failureThreshold: 1,
        successThreshold: 2,
        openFor: { initial: OPEN_FOR, factor: 1, max: OPEN_FOR, jitter: 0 },
      },
    },
  )
  harness.apply('a', 'b', 'c')
  await harness.busy(2_000)
  return harness
}

const stateOf = (harness: HealthHarness): BreakerState | undefined => harness.of('a').breakerAt(0)?.state

/** Opens the breaker of `a`. From then on, the checks get the given answers. */
async function opened(harness: HealthHarness, answer: typeof PASS | undefined): Promise<void> {
  const attempt = harness.acquire(undefined, { excluded: () => false })
  expect(attempt?.instance.id).toBe('a')
  harness.of('a').breaker(harness.guards[0]!).force(harness.clock.now(), OPEN_FOR, 'outlier')
  attempt?.release()
  harness.answers.set('a', answer)
  await harness.clock.advance(0)
}

const asks = (harness: HealthHarness): number => harness.asked.filter(({ id }) => id === 'a').length

test('closed: a check changes nothing', async () => {
  for (const answer of [PASS, FAIL]) {
    const harness = await fleet()
    harness.answers.set('a', answer)
    await harness.busy(100_000)
    expect(stateOf(harness)).toBe('closed')
    expect(harness.log.filter((line) => line.startsWith('breaker'))).toEqual([])
  }
})

test('open, before the probe is due: a check changes nothing', async () => {
  const harness = await fleet()
  await opened(harness, PASS)
  harness.of('a').health!.dueAt = harness.clock.now()
  harness.checker.rearm()
  const before = asks(harness)
  await harness.busy(4_900)
  expect(asks(harness)).toBe(before + 1)
  expect(stateOf(harness)).toBe('open')
  expect(harness.run()).not.toBe('a')
})

test('open, the probe is due: a check starts at once, and no call is sent before it has passed', async () => {
  const harness = await fleet()
  await opened(harness, undefined)
  const before = asks(harness)
  await harness.busy(OPEN_FOR)
  await harness.clock.advance(1)
  expect(asks(harness)).toBe(before + 1)
  expect(stateOf(harness)).toBe('open')
  expect(harness.run()).not.toBe('a')
  harness.asked.findLast(({ id }) => id === 'a')?.answer(PASS)
  expect(stateOf(harness)).toBe('half-open')
  expect(harness.run()).toBe('a')
  expect(harness.run()).toBe('a')
  expect(stateOf(harness)).toBe('closed')
})

test('open, the probe is due and the check fails: open for another period, without an event and without a call', async () => {
  const harness = await fleet()
  await opened(harness, FAIL)
  await harness.busy(10 * OPEN_FOR)
  expect(harness.log.filter((line) => line.startsWith('breaker'))).toEqual(['breaker:open a'])
  expect(stateOf(harness)).toBe('open')
  expect(harness.of('a').settled.failure).toBe(0)
  harness.answers.set('a', PASS)
  await harness.busy(OPEN_FOR + 200)
  expect(stateOf(harness)).toBe('closed')
})

test('open, the probe is due and no instance passes: checks are not trusted, and a call probes', async () => {
  const harness = await fleet()
  for (const id of ['b', 'c']) harness.answers.set(id, FAIL)
  await harness.busy(70_000)
  await opened(harness, FAIL)
  await harness.busy(70_000)
  expect(harness.checker.isTrusted).toBe(false)
  expect(stateOf(harness)).toBe('closed')
})

test('open, the probe is due and the check does not end: a call probes after the timeout of the check', async () => {
  const harness = await fleet()
  // As if the check could not start, because the maximum number is running.
  await opened(harness, { outcome: 'none' })
  await harness.busy(OPEN_FOR)
  await harness.clock.advance(500)
  expect(stateOf(harness)).toBe('open')
  await harness.clock.advance(700)
  expect(stateOf(harness)).toBe('half-open')
  expect(harness.run()).toBe('a')
})

test('half-open: a check changes nothing, and calls decide', async () => {
  const harness = await fleet()
  await opened(harness, PASS)
  await harness.clock.advance(OPEN_FOR + 10)
  const probe = harness.acquire()
  expect(probe?.instance.id).toBe('a')
  harness.answers.set('a', FAIL)
  harness.of('a').health!.dueAt = harness.clock.now()
  harness.checker.rearm()
  await harness.clock.advance(10)
  expect(harness.of('a').health?.failures).toBe(1)
  expect(stateOf(harness)).toBe('half-open')
  probe?.release()
})

test('isolated: stays isolated, and is not checked for a probe', async () => {
  const harness = await fleet()
  harness.of('a').breaker(harness.guards[0]!).isolate()
  const before = asks(harness)
  await harness.busy(30_000)
  expect(stateOf(harness)).toBe('open')
  expect(asks(harness)).toBeLessThanOrEqual(before + 1)
})

test('without checks, or while they are paused, no probe waits', async () => {
  const harness = await fleet()
  await opened(harness, FAIL)
  harness.checker.reconfigure(undefined)
  harness.fleet.checker = undefined
  await harness.clock.advance(OPEN_FOR)
  expect(harness.run()).toBe('a')

  const asleep = await fleet()
  await opened(asleep, FAIL)
  await asleep.clock.advance(1_000_000)
  expect(asleep.checker.isAsleep).toBe(true)
  expect(stateOf(asleep)).toBe('half-open')
})

test('the breaker of a route is probed by its calls, not by checks', async () => {
  const harness = new HealthHarness({ interval: 60_000 }, { route: { failureThreshold: 1, openFor: 1_000 } })
  harness.apply('a', 'b')
  await harness.busy(2_000)
  const [, route] = harness.guards
  expect(harness.run('failure', route)).toBe('a')
  harness.answers.set('a', undefined)
  await harness.clock.advance(1_000)
  expect(harness.run('success', route)).toBe('a')
})
