import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import type { Instance, InstanceInit } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const A = { url: 'http://a:1' }
const B = { url: 'http://b:1' }

type Step =
  | ['register', InstanceInit]
  | ['heartbeat' | 'deregister', string, boolean]
  | ['wait', number]
  | ['discover', ...string[]]

const stories: Record<string, Step[]> = {
  'nothing is registered': [['discover']],
  'registered is discovered': [
    ['register', A],
    ['discover', 'a:1'],
  ],
  'two are discovered in the order they came': [
    ['register', B],
    ['register', A],
    ['discover', 'b:1', 'a:1'],
  ],
  'deregistered is gone': [
    ['register', A],
    ['register', B],
    ['deregister', 'a:1', true],
    ['discover', 'b:1'],
  ],
  'deregistering what is not there is false': [['deregister', 'a:1', false], ['discover']],
  'deregistering twice is false': [
    ['register', A],
    ['deregister', 'a:1', true],
    ['deregister', 'a:1', false],
  ],
  'as old as the ttl is still there': [
    ['register', A],
    ['wait', 30_000],
    ['discover', 'a:1'],
  ],
  'older than the ttl is gone': [['register', A], ['wait', 30_001], ['discover']],
  'a heartbeat renews': [
    ['register', A],
    ['wait', 20_000],
    ['heartbeat', 'a:1', true],
    ['wait', 30_000],
    ['discover', 'a:1'],
    ['wait', 1],
    ['discover'],
  ],
  'a heartbeat renews one, not the other': [
    ['register', A],
    ['register', B],
    ['wait', 20_000],
    ['heartbeat', 'b:1', true],
    ['wait', 20_000],
    ['discover', 'b:1'],
  ],
  'a heartbeat of the unknown is false and registers nothing': [['heartbeat', 'a:1', false], ['discover']],
  'a heartbeat that comes too late is false': [
    ['register', A],
    ['wait', 30_001],
    ['heartbeat', 'a:1', false],
    ['discover'],
  ],
  'registering again renews': [
    ['register', A],
    ['wait', 20_000],
    ['register', A],
    ['wait', 20_000],
    ['discover', 'a:1'],
  ],
  'registering after the expiry works': [
    ['register', A],
    ['wait', 40_000],
    ['register', A],
    ['discover', 'a:1'],
  ],
  'the same id at another url replaces': [
    ['register', { id: 'x', ...A }],
    ['register', { id: 'x', ...B }],
    ['discover', 'x'],
    ['register', A],
    ['discover', 'x', 'a:1'],
  ],
  'the same url under another id replaces': [
    ['register', A],
    ['register', { id: 'x', ...A }],
    ['discover', 'x'],
    ['heartbeat', 'a:1', false],
    ['deregister', 'a:1', false],
    ['discover', 'x'],
  ],
  'one that takes the id of one and the url of another replaces both': [
    ['register', { id: 'x', ...A }],
    ['register', { id: 'y', ...B }],
    ['register', { id: 'x', ...B }],
    ['discover', 'x'],
    ['register', { id: 'z', ...A }],
    ['discover', 'x', 'z'],
  ],
  '__proto__ is an id like any other': [
    ['register', { id: '__proto__', ...A }],
    ['discover', '__proto__'],
    ['heartbeat', '__proto__', true],
    ['deregister', '__proto__', true],
    ['heartbeat', 'constructor', false],
    ['discover'],
  ],
}

describe.each(['user-service', '__proto__'])('MemoryRegistry, service %s', (service) => {
  it.each(Object.entries(stories))('%s', async (_name, steps) => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    const play = async (step: Step): Promise<unknown[]> => {
      const [action, subject] = step
      if (action === 'wait') await clock.advance(subject)
      else if (action === 'register') registry.register(service, subject)
      else if (action === 'discover') return [action, ...ids(registry.discover(service))]
      else return [action, subject, registry[action](service, subject)]
      return step
    }
    for (const step of steps) expect(await play(step)).toEqual(step)
    expect(registry.discover('another-service')).toEqual([])
  })
})

describe('MemoryRegistry', () => {
  it('treats the same url in two services as two instances', () => {
    const registry = new MemoryRegistry({ clock: new ManualClock() })
    registry.register('one', A)
    registry.register('two', A)
    registry.deregister('one', 'a:1')
    expect(registry.discover('one')).toEqual([])
    expect(ids(registry.discover('two'))).toEqual(['a:1'])
  })

  it('expires instances by the clock, even if its timer is late', async () => {
    const clock = new ManualClock()
    let ms = 0
    const late: Clock = { now: () => ms, random: () => 0, sleep: (wait, signal) => clock.sleep(wait, signal) }
    const registry = new MemoryRegistry({ ttl: 100, clock: late })
    registry.register('s', A)
    ms = 101
    expect(registry.heartbeat('s', 'a:1')).toBe(false)
    expect(registry.discover('s')).toEqual([])
  })

  it('takes the ttl in milliseconds', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ ttl: 50, clock })
    expect(registry.register('s', A).ttl).toBe(50)
    await clock.advance(51)
    expect(registry.discover('s')).toEqual([])
  })

  it('has one timer for any number of instances, and none without instances', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    expect(clock.timers).toBe(0)
    for (let n = 1; n <= 100; n++) {
      registry.register(`service-${n % 3}`, { url: `http://a:${n}` })
      await clock.advance(10)
    }
    expect(clock.timers).toBe(1)
    await clock.advance(31_000)
    expect(clock.timers).toBe(0)
    registry.register('s', A)
    expect(clock.timers).toBe(1)
    registry.deregister('s', 'a:1')
    expect(clock.timers).toBe(0)
    registry.register('s', A)
    registry.register('s', { id: 'x', ...A })
    await clock.advance(0)
    expect(clock.timers).toBe(1)
    await clock.advance(30_001)
    expect(clock.timers).toBe(0)
  })

  it('does not keep the process alive', () => {
    const refs: unknown[] = []
    const clock = new ManualClock()
    const spying: Clock = {
      now: () => clock.now(),
      random: () => clock.random(),
      sleep: (ms, signal, options) => {
        refs.push(options?.ref)
        return clock.sleep(ms, signal)
      },
    }
    new MemoryRegistry({ clock: spying }).register('s', A)
    expect(refs).toEqual([false])
  })

  it('holds 100,000 instances', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    for (let n = 0; n < 100_000; n++) registry.register('s', { id: `i${n}`, url: `http://h${n}:1` })
    expect(registry.discover('s')).toHaveLength(100_000)
    await clock.advance(30_001)
    expect(registry.discover('s')).toEqual([])
  })

  it.each([
    [{ ttl: 0 }, RangeError, /ttl must be a number > 0, got 0/],
    [{ ttl: -1 }, RangeError, /got -1/],
    [{ ttl: NaN }, RangeError, /got NaN/],
    [{ ttl: '30s' }, TypeError, /ttl must be a number, got '30s'/],
    [{ tll: 1 }, TypeError, /tll is not an option/],
    [{ ttl: null }, TypeError, /ttl must be a number, got null/],
    [{ clock: {} }, TypeError, /clock must have a method now/],
    [{ clock: null }, TypeError, /clock must have a method now\(\), got null/],
    [null, TypeError, /must be an object, got null/],
  ])('refuses %j', (options, kind, message) => {
    const make = (): unknown => new MemoryRegistry(options as object)
    expect(make).toThrow(kind)
    expect(make).toThrow(message)
  })

  it.each([
    ['', A, /service must be a string that is not empty/],
    [undefined, A, /service/],
    ['s', { url: 'nonsense' }, /url/],
    ['s', { url: 'http://a:0' }, /port 0/],
    ['s', undefined, /an object with a url/],
  ])('refuses to register %j %j', (service, init, message) => {
    const registry = new MemoryRegistry({ clock: new ManualClock() })
    expect(() => registry.register(service as string, init as InstanceInit)).toThrow(message)
    expect(registry.discover('s')).toEqual([])
  })
})

describe('MemoryRegistry, with invalid arguments', () => {
  const registry = new MemoryRegistry({ clock: new ManualClock() })
  const instance = registry.register('s', A).instance

  it.each([undefined, null, '', 0, instance])('refuses %j as a service or an id', (value) => {
    const wrong = value as unknown as string
    expect(() => registry.discover(wrong)).toThrow(/service must be a string that is not empty, got/)
    for (const method of ['heartbeat', 'deregister'] as const) {
      expect(() => registry[method](wrong, 'a:1')).toThrow(/service must be a string that is not empty, got/)
      expect(() => registry[method]('s', wrong)).toThrow(/id must be a string that is not empty, got/)
    }
  })
})

describe('a lease of the MemoryRegistry', () => {
  it('renews and releases its registration', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    const lease = registry.register('s', A)
    expect(lease.instance).toEqual({ id: 'a:1', url: 'http://a:1' })
    await clock.advance(30_000)
    expect(lease.renew()).toBe(true)
    await clock.advance(30_000)
    expect(registry.discover('s')).toHaveLength(1)
    lease.release()
    lease.release()
    expect(registry.discover('s')).toEqual([])
    expect(lease.renew()).toBe(false)
  })

  it.each([
    ['id', { id: 'a:1', ...B }, "'a:1' at http://b:1 of s replaced 'a:1' at http://a:1"],
    ['url', { id: 'x', ...A }, "'x' at http://a:1 of s replaced 'a:1' at http://a:1"],
    ['id and url', A, undefined],
  ])('does not affect a newer registration of its %s', (_name, newer, taken) => {
    const registry = new MemoryRegistry({ clock: new ManualClock() })
    const old = registry.register('s', A)
    const lease = registry.register('s', newer)
    if (taken === undefined) expect(old.renew()).toBe(false)
    else expect(() => old.renew()).toThrow(taken)
    old.release()
    expect(registry.discover('s')).toEqual([lease.instance])
    expect(lease.renew()).toBe(true)
    lease.release()
    expect(old.renew()).toBe(false)
  })
})

describe('a watch of the MemoryRegistry', () => {
  function watching(registry: MemoryRegistry, service = 's') {
    const controller = new AbortController()
    const seen: string[][] = []
    const done = (async () => {
      for await (const snapshot of registry.watch(service, { signal: controller.signal })) {
        seen.push(ids(snapshot))
      }
    })()
    return { seen, done, controller }
  }

  it('yields the current instances, then each change, including expiry', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    const { seen, controller, done } = watching(registry)
    await clock.advance(0)
    registry.register('s', A)
    await clock.advance(10_000)
    registry.register('s', B)
    await clock.advance(10_000)
    registry.deregister('s', 'a:1')
    await clock.advance(20_001)
    expect(seen).toEqual([[], ['a:1'], ['a:1', 'b:1'], ['b:1'], []])
    controller.abort()
    await done
  })

  it('is not woken by heartbeats, renewals or other services', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    const lease = registry.register('s', { ...A, metadata: { v: [1] } })
    const { seen, controller, done } = watching(registry)
    for (let n = 0; n < 10; n++) {
      await clock.advance(5000)
      registry.heartbeat('s', 'a:1')
      lease.renew()
      registry.register('other', B)
    }
    await clock.advance(0)
    expect(seen).toEqual([['a:1']])
    registry.register('s', { ...A, metadata: { v: [2] } })
    await clock.advance(0)
    expect(seen).toEqual([['a:1'], ['a:1']])
    // The same data, but another registration.
    registry.register('s', { ...A, metadata: { v: [2] } })
    await clock.advance(0)
    expect(seen).toHaveLength(3)
    controller.abort()
    await done
  })

  it('gives a slow consumer only the newest snapshot', async () => {
    const registry = new MemoryRegistry({ clock: new ManualClock() })
    const { signal } = new AbortController()
    const iterator = registry.watch('s', { signal })
    await iterator.next()
    for (let n = 1; n <= 50; n++) registry.register('s', { url: `http://a:${n}` })
    expect((await iterator.next()).value).toHaveLength(50)
    registry.deregister('s', 'a:7')
    expect((await iterator.next()).value).toHaveLength(49)
    await iterator.return()
  })

  it('yields frozen snapshots', async () => {
    const registry = new MemoryRegistry({ clock: new ManualClock() })
    registry.register('s', A)
    const snapshot = registry.discover('s') as Instance[]
    expect(() => snapshot.pop()).toThrow(TypeError)
  })

  it('ends on abort and leaves no timer', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    const watches = Array.from({ length: 10 }, () => watching(registry))
    await clock.advance(0)
    registry.register('s', A)
    await clock.advance(0)
    for (const { controller, done } of watches) {
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
      controller.abort()
      await done
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    }
    const aborted = registry.watch('s', { signal: AbortSignal.abort() })
    expect(await aborted.next()).toEqual({ done: true, value: undefined })
  })
})

function ids(instances: readonly Instance[]): string[] {
  return instances.map(({ id }) => id)
}
