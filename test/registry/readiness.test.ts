import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { announceServer, type AnnounceServerOptions } from '../../src/registry/announce-server.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import type { Instance, Registrar } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const servers: Server[] = []
let clock: ManualClock
let registry: MemoryRegistry

beforeEach(() => {
  clock = new ManualClock()
  registry = new MemoryRegistry({ clock })
})

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function listening(): Promise<Server> {
  const server = createServer((_request, response) => response.end('ok'))
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function start(options: AnnounceServerOptions, registrar: Registrar = registry) {
  const errors: string[] = []
  const announcing = announceServer(registrar, 's', await listening(), {
    clock,
    drainDelay: 0,
    onError: (error) => void errors.push(String(error)),
    ...options,
  })
  return { announcing, errors }
}

/** The state of the one instance in the registry: draining, not draining, or absent. */
function listed(): 'ready' | 'draining' | 'absent' {
  const [instance] = registry.discover('s')
  if (!instance) return 'absent'
  return instance.draining ? 'draining' : 'ready'
}

const never = (): Promise<never> => new Promise(() => {})

describe('health of an announced server', () => {
  it('registers the instance as draining while the answer is false, and as before after two true answers', async () => {
    let healthy = true
    const { announcing, errors } = await start({ health: () => healthy, instance: { id: 'me', zone: 'z' } })
    const me = await announcing
    const [before] = registry.discover('s')
    expect([me.ready, listed()]).toEqual([true, 'ready'])
    healthy = false
    await clock.advance(5_500)
    expect([me.ready, listed(), me.registered]).toEqual([false, 'draining', true])
    expect(registry.discover('s')).toEqual([{ ...before, draining: true }])
    // Longer than the ttl, so heartbeats are sent.
    await clock.advance(60_000)
    expect([me.ready, listed(), me.registered]).toEqual([false, 'draining', true])
    healthy = true
    await clock.advance(5_500)
    expect([me.ready, listed()]).toEqual([false, 'draining'])
    await clock.advance(5_500)
    expect([me.ready, listed()]).toEqual([true, 'ready'])
    expect(registry.discover('s')).toEqual([before])
    expect(errors).toEqual([])
    await clock.advance(60_000)
    const closing = me.close()
    await settle(closing)
    expect([listed(), clock.timers]).toEqual(['absent', 0])
  })

  it('removes the instance with whenUnhealthy deregister, and registers nothing before the first true answer', async () => {
    let healthy: boolean | Promise<boolean> = Promise.resolve(false)
    const { announcing } = await start({ health: { check: () => healthy, whenUnhealthy: 'deregister' } })
    const me = await announcing
    expect([me.ready, listed(), me.registered]).toEqual([false, 'absent', false])
    healthy = Promise.resolve(true)
    await clock.advance(11_000)
    expect([me.ready, listed(), me.registered]).toEqual([true, 'ready', true])
    healthy = false
    await clock.advance(5_500)
    expect([me.ready, listed(), me.registered]).toEqual([false, 'absent', false])
    await settle(me.close())
    expect(clock.timers).toBe(0)
  })

  it.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no database')
      },
      /no database/,
    ],
    ['rejects', () => Promise.reject(new Error('no database')), /no database/],
    ['never answers', never, /TimeoutError: health did not answer within 2000 ms/],
    ['says nothing', () => undefined, /health must return true or false, or a promise of it, got undefined/],
    ['says what is no boolean', () => 'yes', /got 'yes'/],
    [
      'returns an object whose properties throw',
      () => new Proxy({}, { get: () => JSON.parse('{') as unknown }),
      /SyntaxError/,
    ],
    [
      'rejects with what cannot be shown',
      () => Promise.reject(new Proxy({}, { get: () => JSON.parse('{') as unknown })),
      /./,
    ],
  ])('treats a function that %s as false, and reports an error', async (_name, check, message) => {
    let broken = true
    const told: unknown[] = []
    const health = (): boolean => (broken ? (check() as boolean) : true)
    const { announcing } = await start({ health, onError: (error) => void told.push(error) })
    await clock.advance(2_000)
    const me = await announcing
    expect([me.ready, listed()]).toEqual([false, 'draining'])
    expect(told).toHaveLength(1)
    if (message.source !== '.') expect(String(told[0])).toMatch(message)
    broken = false
    await clock.advance(15_000)
    expect([me.ready, listed()]).toEqual([true, 'ready'])
    broken = true
    await clock.advance(8_000)
    expect([me.ready, listed()]).toEqual([false, 'draining'])
    await settle(me.close())
    expect(clock.timers).toBe(0)
  })

  it('aborts the signal of a check that takes too long, and ignores its late answer', async () => {
    const signals: AbortSignal[] = []
    const answers: ((healthy: boolean) => void)[] = []
    const health = ({ signal }: { signal: AbortSignal }): Promise<boolean> => {
      signals.push(signal)
      return new Promise((resolve) => answers.push(resolve))
    }
    const { announcing } = await start({ health: { check: health, timeout: 500, healthyThreshold: 1 } })
    await clock.advance(499)
    expect(signals[0]?.aborted).toBe(false)
    await clock.advance(1)
    const me = await announcing
    expect(signals[0]?.aborted).toBe(true)
    answers[0]?.(true)
    await clock.advance(0)
    expect(me.ready).toBe(false)
    await clock.advance(5_400)
    expect(signals).toHaveLength(2)
    answers[1]?.(true)
    await clock.advance(0)
    expect(me.ready).toBe(true)
    await settle(me.close())
  })

  it('ignores single changes of a flapping server', async () => {
    let asked = 0
    const registrations: (boolean | undefined)[] = []
    const registrar: Registrar = {
      register: (service, instance) => {
        registrations.push(instance.draining)
        return registry.register(service, instance)
      },
    }
    const { announcing } = await start({ health: () => asked++ % 2 === 0 }, registrar)
    const me = await announcing
    await clock.advance(600_000)
    expect(asked).toBeGreaterThan(100)
    expect(registrations).toEqual([undefined, true])
    expect(me.ready).toBe(false)
    await settle(me.close())
  })

  it('requires as many answers as the thresholds say', async () => {
    let healthy = true
    const health = { check: () => healthy, interval: 1_000, unhealthyThreshold: 3, healthyThreshold: 1 }
    const { announcing } = await start({ health })
    const me = await announcing
    healthy = false
    await clock.advance(2_250)
    expect(me.ready).toBe(true)
    await clock.advance(1_100)
    expect(me.ready).toBe(false)
    healthy = true
    await clock.advance(1_100)
    expect(me.ready).toBe(true)
    await settle(me.close())
  })

  it('registers the latest state, although the registry failed in between', async () => {
    let healthy = true
    let down = false
    const registrar: Registrar = {
      register: (service, instance) => {
        if (down) throw new Error('down')
        return registry.register(service, instance)
      },
    }
    const { announcing, errors } = await start({ health: () => healthy }, registrar)
    const me = await announcing
    down = true
    healthy = false
    await clock.advance(8_000)
    // The server is not ready, whatever the registry does.
    expect([me.ready, listed()]).toEqual([false, 'ready'])
    expect(errors.length).toBeGreaterThan(0)
    down = false
    await clock.advance(15_000)
    expect([me.ready, listed()]).toEqual([false, 'draining'])
    down = true
    healthy = true
    await clock.advance(11_000)
    healthy = false
    await clock.advance(6_000)
    down = false
    await clock.advance(20_000)
    expect([me.ready, listed()]).toEqual([false, 'draining'])
    await settle(me.close())
    expect([listed(), clock.timers]).toEqual(['absent', 0])
  })

  it('releases a registration that was in flight at close()', async () => {
    let healthy = true
    const slow = Promise.withResolvers<void>()
    const registrar: Registrar = {
      register: async (service, instance) => {
        if (instance.draining) await slow.promise
        return registry.register(service, instance)
      },
    }
    const { announcing } = await start({ health: () => healthy }, registrar)
    const me = await announcing
    healthy = false
    await clock.advance(5_500)
    const closing = me.close()
    expect(me.ready).toBe(false)
    await clock.advance(0)
    slow.resolve()
    await settle(closing)
    expect([listed(), clock.timers]).toEqual(['absent', 0])
  })

  it.each(['deregister', 'drain'] as const)(
    'closes while a check hangs and the registry does, %s',
    async (whenUnhealthy) => {
      let broken = false
      const registrar: Registrar = {
        register: (_service, instance) =>
          broken
            ? never()
            : { ttl: 30_000, renew: () => !instance.draining, release: () => (broken ? never() : undefined) },
      }
      const health = { check: () => (broken ? never() : true), whenUnhealthy }
      const { announcing } = await start({ health }, registrar)
      const me = await announcing
      broken = true
      await clock.advance(9_000)
      expect(me.ready).toBe(false)
      await settle(me.close())
      expect(clock.timers).toBe(0)
      await clock.advance(60_000)
      expect(clock.timers).toBe(0)
    },
  )

  it('rejects at once when the signal aborts during the first check', async () => {
    const controller = new AbortController()
    const { announcing } = await start({ health: never, signal: controller.signal })
    const refused = expect(announcing).rejects.toThrow('enough')
    await clock.advance(0)
    controller.abort(new Error('enough'))
    await refused
    expect([listed(), clock.timers]).toEqual(['absent', 0])
  })

  it('does not affect another announcement on the same registry', async () => {
    const other = await announceServer(registry, 's', await listening(), { clock, drainDelay: 0 })
    const { announcing } = await start({ health: () => false })
    const me = await announcing
    const byId = (id: string): Instance | undefined => registry.discover('s').find((each) => each.id === id)
    expect([byId(me.instance.id)?.draining, byId(other.instance.id)?.draining]).toEqual([true, undefined])
    expect([me.ready, other.ready]).toEqual([false, true])
    await settle(Promise.all([me.close(), other.close()]))
  })

  it('warns of the first failure in a row when there is no onError', async () => {
    const health = (): never => {
      throw new Error('no database')
    }
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const me = await announceServer(registry, 's', await listening(), { clock, drainDelay: 0, health })
      await clock.advance(60_000)
      await settle(me.close())
      expect(emitWarning.mock.calls).toEqual([
        [
          's is not ready: its health failed',
          { code: 'OUTRIGGER_ANNOUNCE', detail: expect.stringContaining('no database') as unknown },
        ],
      ])
    } finally {
      emitWarning.mockRestore()
    }
  })

  it.each<[unknown, RegExp]>([
    [5, /health must be a function or an object, got 5/],
    [null, /health must be a function or an object, got null/],
    [{}, /health\.check must be a function, got undefined/],
    [{ check: () => true, every: 5 }, /health\.every is not an option/],
    [{ check: () => true, interval: 0 }, /health\.interval must be a number >= 10 .*, got 0/],
    [{ check: () => true, interval: Infinity }, /health\.interval/],
    [{ check: () => true, timeout: 0 }, /health\.timeout must be a number > 0/],
    [
      { check: () => true, healthyThreshold: 0.5 },
      /health\.healthyThreshold must be an integer >= 1, got 0\.5/,
    ],
    [{ check: () => true, unhealthyThreshold: '3' }, /health\.unhealthyThreshold must be a number, got '3'/],
    [
      { check: () => true, whenUnhealthy: 'off' },
      /health\.whenUnhealthy must be 'drain' or 'deregister', got 'off'/,
    ],
  ])('refuses %j without waiting for the server', async (health, message) => {
    const announcing = announceServer(registry, 's', createServer(), { health: health as never })
    await expect(announcing).rejects.toThrow(message)
  })
})

/** Runs the manual clock and the sockets alternately. */
async function settle(closing: Promise<unknown>): Promise<void> {
  const done = new AbortController()
  const closed = closing.finally(() => done.abort())
  while (!done.signal.aborted) {
    await clock.advance(50)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  await closed
}
