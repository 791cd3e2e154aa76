import { describe, expect, it } from 'vitest'
import { RequestSender } from '../../src/attempt/request-sender.ts'
import { Deadlines } from '../../src/deadlines.ts'
import type { Instance } from '../../src/registry/source.ts'
import { Harness, instance } from './harness.ts'
import { VERDICTS } from '../../src/verdict/verdict.ts'

describe('a fleet applies a snapshot', () => {
  const moved = instance('a', { url: 'http://elsewhere:80' })
  it.each<[string, (string | Instance)[], (string | Instance)[], string[], string[]]>([
    ['added', ['a'], ['a', 'b'], ['a', 'b'], ['instance:added b']],
    ['removed', ['a', 'b'], ['b'], ['b'], ['instance:removed a']],
    ['replaced', ['a'], ['b'], ['b'], ['instance:removed a', 'instance:added b']],
    ['emptied', ['a', 'b'], [], [], ['instance:removed a', 'instance:removed b']],
    ['reordered', ['a', 'b'], ['b', 'a'], ['b', 'a'], []],
    ['changed', ['a'], [instance('a', { weight: 2 })], ['a'], ['instance:changed a']],
    ['moved', ['a'], [moved], ['a'], ['instance:removed a', 'instance:added a']],
    [
      'swapped',
      ['a', 'b'],
      [instance('b', { url: 'http://a:80' }), instance('a', { url: 'http://b:80' })],
      ['b', 'a'],
      ['instance:removed b', 'instance:removed a', 'instance:added b', 'instance:added a'],
    ],
  ])('%s', (_name, before, after, ids, log) => {
    const harness = new Harness()
    harness.apply(...before)
    harness.log.length = 0
    harness.apply(...after)
    expect(harness.ids).toEqual(ids)
    expect(harness.log).toEqual(log)
  })

  it('publishes nothing about an instance that is the same object', () => {
    const harness = new Harness()
    const a = instance('a')
    harness.apply(a)
    harness.log.length = 0
    harness.apply(a)
    expect(harness.log).toEqual([])
  })

  it('keeps breaker, load, counters and pool of an id when the data of the instance changes', () => {
    const harness = new Harness({ breaker: { failureThreshold: 2 } })
    harness.apply('a')
    harness.run('failure')
    const running = harness.acquire()
    expect(running?.endpoint.getPool()).toBe(running?.endpoint.getPool())
    const [before] = harness.fleet.endpoints
    harness.apply(instance('a', { weight: 5, metadata: { version: '2' } }))
    const [after] = harness.fleet.endpoints
    expect(after).toBe(before)
    expect(after).toMatchObject({ weight: 5, inFlight: 1, settled: { failure: 1 } })
    running?.settle(VERDICTS.bad)
    running?.release()
    expect(harness.log.at(-1)).toBe('breaker:open a')
    expect(harness.pools).toHaveLength(1)
    expect(harness.pools[0]?.destroyed).toBe(false)
  })

  it('treats the same id with another url as a new instance', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 } })
    harness.apply('a')
    expect(harness.acquire()?.endpoint.getPool()).toBe(harness.pools[0])
    harness.run('failure')
    harness.apply(instance('a', { url: 'http://elsewhere:80' }))
    expect(harness.fleet.endpoints[0]).toMatchObject({ inFlight: 0, settled: { failure: 0 } })
    expect(harness.run()).toBe('a')
  })

  it('picks an added instance immediately, and never picks a removed one', () => {
    const harness = new Harness()
    harness.pick = (endpoints) => endpoints.at(-1)
    harness.apply('a')
    expect(harness.run()).toBe('a')
    harness.apply('a', 'b')
    expect(harness.run()).toBe('b')
    harness.apply('a')
    expect(harness.run()).toBe('a')
  })

  it('does not use a removed instance that the balancer returns', () => {
    const harness = new Harness()
    harness.apply('a', 'b', 'c')
    const [a] = harness.fleet.endpoints
    harness.pick = () => a
    harness.apply('b', 'c')
    expect(harness.acquire()).toBeUndefined()
  })
})

describe('a removed endpoint', () => {
  it('keeps its pool until its attempts have ended', async () => {
    const harness = new Harness()
    harness.apply('a')
    const running = harness.acquire()
    expect(running?.endpoint.getPool()).toBe(harness.pools[0])
    harness.apply()
    await harness.clock.advance(500)
    expect(harness.pools[0]?.destroyed).toBe(false)
    running?.settle(VERDICTS.good)
    running?.release()
    await harness.clock.advance(0)
    expect(harness.pools[0]?.destroyed).toBe(true)
    expect(harness.clock.timers).toBe(0)
  })

  it('has its pool destroyed after drainTimeout', async () => {
    const harness = new Harness({ drainTimeout: 1000 })
    harness.apply('a')
    expect(harness.acquire()?.endpoint.getPool()).toBe(harness.pools[0])
    harness.apply()
    await harness.clock.advance(999)
    expect(harness.pools[0]?.destroyed).toBe(false)
    await harness.clock.advance(1)
    expect(harness.pools[0]?.destroyed).toBe(true)
  })

  it('makes no pool for a read of its state, nor for a request that was sent on the earlier pool', () => {
    const harness = new Harness()
    harness.apply('a')
    const attempt = harness.acquire()!
    const handler = { sent: false }
    const policy = { idempotent: undefined, retry: undefined, timeout: { connect: 100 } }
    const departure = new RequestSender(attempt, new Deadlines(harness.clock), policy, handler, () => {})
    expect(departure.hasConnection).toBe(false)
    expect(attempt.endpoint.queued).toBe(0)
    expect(harness.pools).toEqual([])
    departure.send({ path: '/', method: 'GET' })
    attempt.endpoint.renewPool()
    expect(departure.hasConnection).toBe(false)
    departure.connectTimedOut()
    expect(harness.pools).toHaveLength(1)
    departure.stop()
  })

  it('without attempts, or without a pool, leaves no timer', async () => {
    const harness = new Harness()
    harness.apply('a', 'b')
    expect(harness.fleet.endpoints[0]?.getPool()).toBe(harness.pools[0])
    harness.apply()
    await harness.clock.advance(0)
    expect(harness.pools.map(({ destroyed }) => destroyed)).toEqual([true])
    expect(harness.clock.timers).toBe(0)
  })

  it('publishes no more events about its breaker', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 } })
    harness.apply('a')
    const running = harness.acquire()
    harness.apply()
    harness.log.length = 0
    running?.settle(VERDICTS.bad)
    expect(harness.log).toEqual([])
  })

  it('delays close() until its attempts have ended, like all others', async () => {
    const harness = new Harness()
    harness.apply('a', 'b')
    const running = harness.acquire()
    harness.apply('b')
    let closed = false
    const closing = harness.fleet.close().then(() => (closed = true))
    await harness.clock.advance(10)
    expect(closed).toBe(false)
    running?.release()
    await closing
    expect(harness.ids).toEqual([])
    expect(harness.clock.timers).toBe(0)
  })
})
