import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { announce, type AnnounceOptions } from '../../src/registry/announce.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import type { InstanceInit, Lease, Registrar, SignalContext } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'

const ME = { url: 'http://a:1' }

let clock: ManualClock

beforeEach(() => {
  clock = new ManualClock()
})

/** A registrar that behaves as the test says, and records the time of each call. */
class FakeRegistrar implements Registrar {
  readonly log: [call: string, at: number][] = []
  readonly signals: AbortSignal[] = []
  ttl = 30_000
  onRegister: () => unknown = () => undefined
  onRenew: () => unknown = () => true
  onRelease: () => unknown = () => undefined

  async register(_service: string, _init: InstanceInit, { signal }: SignalContext): Promise<Lease> {
    this.#note('register', signal)
    const lease: Lease = {
      ttl: this.ttl,
      renew: async (context) => {
        this.#note('renew', context.signal)
        return (await this.onRenew()) as boolean
      },
      release: async (context) => {
        this.#note('release', context.signal)
        await this.onRelease()
      },
    }
    return ((await this.onRegister()) as Lease | undefined) ?? lease
  }

  at(call: string): number[] {
    return this.log.filter(([name]) => name === call).map(([, at]) => at)
  }

  #note(call: string, signal: AbortSignal): void {
    this.log.push([call, clock.now()])
    this.signals.push(signal)
  }
}

function start(registrar: Registrar, options: AnnounceOptions = {}) {
  const errors: string[] = []
  const onError = (error: unknown): void => void errors.push((error as Error).message)
  return { errors, announcing: announce(registrar, 's', ME, { clock, onError, ...options }) }
}

const fails = (): never => {
  throw new TypeError('down')
}
const hangs = (): Promise<never> => new Promise(() => {})

describe('announce', () => {
  it('keeps an instance in the memory registry until it is disposed', async () => {
    const registry = new MemoryRegistry({ clock })
    {
      await using me = await announce(registry, 's', ME, { clock })
      expect(me.instance).toEqual({ id: 'a:1', url: 'http://a:1' })
      expect(me.registered).toBe(true)
      await clock.advance(600_000)
      expect(registry.discover('s')).toEqual([me.instance])
    }
    expect(registry.discover('s')).toEqual([])
    expect(clock.timers).toBe(0)
  })

  it('sends a heartbeat every third of the ttl, ± 10 %', async () => {
    const registrar = new FakeRegistrar()
    const me = await start(registrar).announcing
    await clock.advance(1_000_000)
    const beats = [0, ...registrar.at('renew')]
    const gaps = beats.slice(1).map((at, n) => at - (beats[n] ?? 0))
    expect(gaps.length).toBeGreaterThan(90)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9000)
    expect(Math.min(...gaps)).toBeLessThan(9200)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(11_000)
    expect(Math.max(...gaps)).toBeGreaterThan(10_800)
    await me.close()
  })

  it('registers again at once when the registry has forgotten the instance', async () => {
    const registrar = new FakeRegistrar()
    const onRegistered = vi.fn<(instance: unknown) => void>()
    const me = await start(registrar, { onRegistered }).announcing
    registrar.onRenew = () => false
    await clock.advance(11_000)
    expect(registrar.log.map(([call]) => call)).toEqual(['register', 'renew', 'register'])
    expect(registrar.at('register')[1]).toBe(registrar.at('renew')[0])
    expect(onRegistered.mock.calls).toEqual([[me.instance], [me.instance]])
    expect(me.registered).toBe(true)
    await me.close()
  })

  it('resolves although the registry is down, reports the error, and retries', async () => {
    const registrar = new FakeRegistrar()
    registrar.onRegister = fails
    const { announcing, errors } = start(registrar)
    const me = await announcing
    expect([me.registered, errors]).toEqual([false, ['down']])
    await clock.advance(60_000)
    expect(errors.length).toBeGreaterThan(5)
    expect(registrar.log).toHaveLength(errors.length)
    registrar.onRegister = () => undefined
    await clock.advance(15_000)
    expect(me.registered).toBe(true)
    const told = errors.length
    await clock.advance(60_000)
    expect(errors).toHaveLength(told)
    await me.close()
  })

  it('is registered only while the last confirmation is younger than the ttl', async () => {
    const registrar = new FakeRegistrar()
    const { announcing, errors } = start(registrar)
    const me = await announcing
    await clock.advance(11_000)
    const [confirmed = 0] = registrar.at('renew')
    registrar.onRenew = fails
    await clock.advance(confirmed + 30_000 - clock.now())
    expect(me.registered).toBe(true)
    expect(errors.length).toBeGreaterThan(1)
    await clock.advance(1)
    expect(me.registered).toBe(false)
    registrar.onRenew = () => false
    await clock.advance(15_000)
    expect(me.registered).toBe(true)
    await me.close()
  })

  it('retries at growing, random intervals, so that clients do not all retry at the same moment', async () => {
    const tries = async (seed: number): Promise<number[]> => {
      clock = new ManualClock({ seed })
      const registrar = new FakeRegistrar()
      registrar.onRegister = fails
      const me = await start(registrar, { backoff: { initial: 100, max: 1600 } }).announcing
      await clock.advance(10_000)
      await me.close()
      return registrar.at('register')
    }
    const first = await tries(1)
    const gaps = first.slice(1).map((at, n) => at - (first[n] ?? 0))
    for (const [n, gap] of gaps.entries()) {
      const ceiling = Math.min(1600, 100 * 2 ** n)
      expect(gap).toBeGreaterThanOrEqual(ceiling / 2)
      expect(gap).toBeLessThanOrEqual(ceiling)
    }
    expect((await tries(2))[1]).not.toBe(first[1])
  })

  it.each([
    ['a registration', 'onRegister', 5000],
    ['a heartbeat', 'onRenew', 5000],
  ] as const)('bounds %s that hangs, and aborts it', async (_name, hook, bound) => {
    const registrar = new FakeRegistrar()
    registrar[hook] = hangs
    const { announcing, errors } = start(registrar)
    if (hook === 'onRenew') await announcing
    await clock.advance(hook === 'onRenew' ? 11_000 : 0)
    const call = registrar.log.length - 1
    await clock.advance(bound)
    expect(errors).toEqual(['the registry did not answer within 5000 ms'])
    expect(registrar.signals[call]?.reason).toMatchObject({ name: 'TimeoutError' })
    registrar[hook] = () => (hook === 'onRenew' ? true : undefined)
    await clock.advance(1000)
    const me = await announcing
    expect(me.registered).toBe(true)
    await me.close()
  })

  it('uses the lease of the try that succeeded, not of an older one that answers late', async () => {
    const released: string[] = []
    const lease = (name: string): Lease => ({
      ttl: 30_000,
      renew: () => true,
      release: () => void released.push(name),
    })
    const answers: ((lease: Lease) => void)[] = []
    const register = (): Promise<Lease> => new Promise((resolve) => answers.push(resolve))
    const { announcing } = start({ register })
    await clock.advance(6000)
    answers[1]?.(lease('second'))
    const me = await announcing
    answers[0]?.(lease('first'))
    await clock.advance(0)
    await me.close()
    expect([me.instance.id, released]).toEqual(['a:1', ['second']])
  })

  it('limits a heartbeat to a third of the ttl', async () => {
    const registrar = new FakeRegistrar()
    registrar.ttl = 300
    registrar.onRenew = hangs
    const { announcing, errors } = start(registrar)
    const me = await announcing
    await clock.advance(250)
    expect(errors).toEqual(['the registry did not answer within 100 ms'])
    await me.close()
  })

  it.each<[string, unknown]>([
    ['nothing', null],
    ['no lease', { ttl: 1000 }],
    ['a lease without a ttl', { renew: () => true, release: () => {} }],
    ['a lease that is over at once', { ttl: 0, renew: () => true, release: () => {} }],
  ])('reports a registrar that returns %s as failing', async (_name, lease) => {
    const registrar = { register: () => lease } as unknown as Registrar
    const { announcing, errors } = start(registrar)
    const me = await announcing
    await clock.advance(5000)
    expect(errors.length).toBeGreaterThan(2)
    expect(errors.length).toBeLessThan(10)
    expect(me.registered).toBe(false)
    await me.close()
  })

  it.each([
    ['url', ME, { id: 'x', url: 'http://a:1' }],
    ['id', { id: 'x', url: 'http://a:1' }, { id: 'x', url: 'http://b:1' }],
  ])(
    'lets another instance take its %s, and registers again when that one is gone',
    async (_name, first, second) => {
      const registry = new MemoryRegistry({ clock })
      const register = vi.spyOn(registry, 'register')
      const errors: string[] = []
      const onError = (error: unknown): void => void errors.push((error as Error).message)
      const me = await announce(registry, 's', first, { clock, onError })
      const other = await announce(registry, 's', second, { clock })
      await clock.advance(300_000)
      expect(register).toHaveBeenCalledTimes(2)
      expect(registry.discover('s')).toEqual([other.instance])
      expect(new Set(errors)).toEqual(new Set([expect.stringContaining('replaced')]))
      expect(me.registered).toBe(false)
      await other.close()
      await clock.advance(15_000)
      expect(registry.discover('s')).toEqual([me.instance])
      await me.close()
    },
  )

  it.each([undefined, null, 0, 'true'])(
    'treats %j from renew() as a mistake, not as a lost lease',
    async (answer) => {
      const registrar = new FakeRegistrar()
      registrar.onRenew = () => answer
      const { announcing, errors } = start(registrar)
      const me = await announcing
      await clock.advance(25_000)
      expect(registrar.log.map(([call]) => call)).toEqual(['register', 'renew', 'renew'])
      const message = `renew() must return true or false, got ${inspect(answer)}`
      expect(errors).toEqual([message, message])
      expect(me.registered).toBe(true)
      await me.close()
    },
  )

  it('ends at once when the signal aborts during the first try, and releases a late lease', async () => {
    const registrar = new FakeRegistrar()
    const answer = Promise.withResolvers<undefined>()
    registrar.onRegister = () => answer.promise
    const controller = new AbortController()
    const { announcing, errors } = start(registrar, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(announcing).rejects.toThrow('enough')
    answer.resolve(undefined)
    await clock.advance(0)
    expect(registrar.log.map(([call]) => call)).toEqual(['register', 'release'])
    expect(errors).toEqual([])
    expect(clock.timers).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('keeps the process alive only for the first try and the release', async () => {
    const refs: unknown[] = []
    const spying = {
      now: () => clock.now(),
      random: () => clock.random(),
      sleep: (ms: number, signal?: AbortSignal, options?: { ref?: boolean }) => {
        refs.push(options?.ref)
        return clock.sleep(ms, signal)
      },
    }
    const registrar = new FakeRegistrar()
    registrar.onRenew = fails
    const me = await start(registrar, { clock: spying }).announcing
    expect(refs.splice(0)).toEqual([true])
    await clock.advance(60_000)
    expect(new Set(refs.splice(0))).toEqual(new Set([false]))
    await me.close()
    expect(new Set(refs)).toEqual(new Set([true]))
    expect(clock.timers).toBe(0)
  })
})

describe('closing an announcement', () => {
  it('stops the heartbeats, releases the lease once, and leaves no timer', async () => {
    const registrar = new FakeRegistrar()
    const me = await start(registrar).announcing
    await Promise.all([me.close(), me.close()])
    expect(me.registered).toBe(false)
    await me[Symbol.asyncDispose]()
    await clock.advance(100_000)
    expect(registrar.log.map(([call]) => call)).toEqual(['register', 'release'])
    expect(clock.timers).toBe(0)
  })

  it('happens when the signal aborts', async () => {
    const controller = new AbortController()
    const registry = new MemoryRegistry({ clock })
    const other = await start(registry, { signal: controller.signal }).announcing
    await other.close()
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    await start(registry, { signal: controller.signal }).announcing
    controller.abort()
    await clock.advance(0)
    expect(registry.discover('s')).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    await expect(start(registry, { signal: controller.signal }).announcing).rejects.toThrow('aborted')
  })

  it.each([
    ['fails', fails, 0, 'down'],
    ['hangs', hangs, 5000, 'the registry did not answer within 5000 ms'],
  ])('neither rejects nor hangs when the release %s', async (_name, release, ms, message) => {
    const registrar = new FakeRegistrar()
    registrar.onRelease = release
    const { announcing, errors } = start(registrar)
    const me = await announcing
    const closing = me.close()
    await clock.advance(ms)
    await closing
    expect(errors).toEqual([message])
  })

  it('does not wait for a heartbeat in flight', async () => {
    const registrar = new FakeRegistrar()
    registrar.onRenew = hangs
    const { announcing, errors } = start(registrar)
    const me = await announcing
    await clock.advance(11_000)
    await me.close()
    expect(registrar.log.map(([call]) => call)).toEqual(['register', 'renew', 'release'])
    expect(errors).toEqual([])
  })

  it('waits for a registration in flight, then releases it', async () => {
    const registrar = new FakeRegistrar()
    registrar.onRegister = fails
    const me = await start(registrar, { backoff: { initial: 100 } }).announcing
    let answer: (value: undefined) => void = () => {}
    registrar.onRegister = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    await clock.advance(100)
    const closing = me.close()
    await clock.advance(10)
    answer(undefined)
    await closing
    expect(registrar.log.map(([call]) => call)).toEqual(['register', 'register', 'release'])
  })

  it('does not retry while the registry is down', async () => {
    const registrar = new FakeRegistrar()
    registrar.onRegister = fails
    const { announcing, errors } = start(registrar)
    const me = await announcing
    await me.close()
    await clock.advance(100_000)
    expect(registrar.log).toHaveLength(1)
    expect(errors).toHaveLength(1)
  })
})

describe('warnings and callbacks of an announcement', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('one process warning per outage without a listener', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const registrar = new FakeRegistrar()
    registrar.onRegister = fails
    const me = await announce(registrar, 's', ME, { clock })
    await clock.advance(60_000)
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]).toEqual([
      's could not be registered or renewed; it is retried',
      { code: 'OUTRIGGER_ANNOUNCE', detail: expect.stringContaining('down') },
    ])
    await me.close()
  })

  it('a listener that throws changes nothing', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const registrar = new FakeRegistrar()
    registrar.onRegister = fails
    const me = await announce(registrar, 's', ME, { clock, onError: fails, onRegistered: fails })
    registrar.onRegister = () => undefined
    await clock.advance(1000)
    expect(me.registered).toBe(true)
    expect(warn).toHaveBeenCalledTimes(2)
    await me.close()
  })
})

it.each<[unknown, string, InstanceInit, object, RegExp]>([
  [{}, 's', ME, {}, /registrar must have a method register/],
  [new MemoryRegistry(), '', ME, {}, /service must be a string/],
  [new MemoryRegistry(), 's', { url: 'x' }, {}, /url must be/],
  [new MemoryRegistry(), 's', ME, { timeout: 0 }, /timeout must be a number > 0, got 0/],
  [new MemoryRegistry(), 's', ME, { onError: 1 }, /onError must be a function/],
  [new MemoryRegistry(), 's', ME, { onRegistered: 1 }, /onRegistered must be a function/],
  [new MemoryRegistry(), 's', ME, { timeout: null }, /timeout must be a number, got null/],
  [new MemoryRegistry(), 's', ME, { clock: null }, /clock must have a method now\(\), got null/],
  [new MemoryRegistry(), 's', ME, { clock: {} }, /clock must have a method now\(\), got \{\}/],
  [
    new MemoryRegistry(),
    's',
    ME,
    { signal: null },
    /signal must have a method addEventListener\(\), got null/,
  ],
  [
    new MemoryRegistry(),
    's',
    ME,
    { signal: { throwIfAborted: () => {} } },
    /signal must have a method addEventListener\(\), got {/,
  ],
  [new MemoryRegistry(), 's', ME, { backoff: null }, /backoff must be an object, got null/],
  [
    new MemoryRegistry(),
    's',
    ME,
    { backoff: { initial: null } },
    /backoff\.initial must be a number, got null/,
  ],
  [new MemoryRegistry(), 's', ME, { backoff: { max: null } }, /backoff\.max must be a number, got null/],
  [new MemoryRegistry(), 's', ME, { ttl: 1 }, /announce\.ttl is not an option/],
  [new MemoryRegistry(), 's', ME, { backoff: { max: -1 } }, /backoff\.max/],
])('refuses %j %j %j %j', async (registrar, service, init, options, message) => {
  await expect(announce(registrar as Registrar, service, init, options)).rejects.toThrow(message)
  // Nothing was registered.
  if (registrar instanceof MemoryRegistry) expect(registrar.discover('s')).toEqual([])
})

describe('a process with nothing else to do', { timeout: CHILD_TIMEOUT }, () => {
  const program = (registrar: string, rest = ''): string => `
    import { announce } from './src/registry/announce.ts'
    const hangs = () => new Promise(() => {})
    const again = Promise.withResolvers()
    const told = []
    const me = await announce(${registrar}, 's', { url: 'http://a:1' }, {
      timeout: 100,
      backoff: { initial: 1 },
      onError: (error) => told.push(error.message),
    })
    ${rest}
    console.log(JSON.stringify(told))
  `
  const timeout = 'the registry did not answer within 100 ms'

  it.each([
    ['the first try of a registrar that never answers', '{ register: hangs }', '', [timeout]],
    [
      'a release that never ends',
      '{ register: () => ({ ttl: 9_000, renew: () => true, release: hangs }) }',
      'await me.close()',
      [timeout],
    ],
    [
      'a registration in the background, to release it',
      `{
        register: () => {
          if (told.length === 0) throw new Error('down')
          again.resolve()
          return hangs()
        },
      }`,
      `const alive = setInterval(() => {}, 1_000)
       await again.promise
       clearInterval(alive)
       await me.close()`,
      ['down'],
    ],
  ])('waits for the end of %s', async (_name, registrar, rest, told) => {
    const { code, stdout, stderr } = await runChild(program(registrar, rest))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual(told)
  })

  it('ends although the announcement is not closed', async () => {
    const registrar = '{ register: () => ({ ttl: 60, renew: hangs, release: hangs }) }'
    expect(await runChild(program(registrar))).toEqual({ code: 0, stdout: '[]\n', stderr: '' })
  })
})
