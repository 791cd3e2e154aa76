import { createServer } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import {
  announceServer,
  createClient,
  fixed,
  MemoryRegistry,
  random,
  roundRobin,
  type ClientOptions,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { Agent } from '../../src/undici.ts'
import { until } from '../support/until.ts'

const source = fixed(['http://127.0.0.1:1'])

describe('createClient()', () => {
  it.each<[object, string]>([
    [{ transport: [] }, 'transport must be an object with options of undici, or a function, got []'],
    [
      { transport: new Map() },
      'transport must be an object with options of undici, or a function, got Map(0) {}',
    ],
    [{ transport: Promise.resolve({}) }, 'transport must be an object with options of undici'],
    [{ transport: new Agent() }, 'for a dispatcher write () => dispatcher'],
    [{ transport: { pipelining: Number.NaN } }, 'transport.pipelining must be a number, got NaN'],
    [{ transport: { conections: 5 } }, 'did you mean connections?'],
    [
      { transport: { factory: () => {} } },
      'transport.factory is not supported: write transport: ({ url }) =>',
    ],
    [{ transport: { connections: -1 } }, 'transport: invalid connections'],
    [{ transport: { keepAliveTimeout: '5s' } }, 'transport: invalid keepAliveTimeout'],
    [
      { breaker: { failureRate: 0.5, window: { ms: 5e-324 } } },
      'breaker.window.ms must be a number >= 1, got 5e-324',
    ],
    [{ throttle: { window: 5e-324 } }, 'throttle.window must be a number >= 1, got 5e-324'],
    [{ balance: roundRobin }, 'balance must be a strategy: call roundRobin(), got the function itself'],
    [{ balance: random }, 'balance must be a strategy: call random(), got the function itself'],
    [{ timeout: '5s' }, "timeout must be a number of ms, an object or false, got '5s'"],
    [{ timeout: true }, 'timeout must be a number of ms, an object or false, got true'],
    [{ retry: { atempts: 2 } }, 'did you mean attempts?'],
    [{ timeouts: 5 }, 'did you mean timeout?'],
    [{ coalesce: 1 }, 'coalesce must be true, false or an object, got 1'],
    [{ coalesce: { ignoreHeader: [] } }, 'did you mean ignoreHeaders?'],
    [{ stale: { maxAge: 1, keyHeaders: ['a'], ignoreHeaders: ['A'] } }, "must differ, got 'a' in both"],
  ])('throws for %j', (options, message) => {
    const make = (): unknown => createClient({ service: 'svc', source, ...options })
    expect(make).toThrow(message)
  })

  it('suggests no option if no name is similar', () => {
    const make = (): unknown => createClient({ service: 'svc', source, xyzzy: 1 } as ClientOptions)
    expect(make).toThrow('createClient().xyzzy is not an option; known: service')
  })
})

describe('announceServer()', () => {
  it('warns if its server does not listen for a long time, and rejects if it is closed instead', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const clock = new ManualClock()
    const server = createServer()
    const announced = announceServer(new MemoryRegistry(), 'svc', server, { clock, timeout: 5_000 })
    const ended = announced.then(
      () => 'announced',
      (error: Error) => error.message,
    )
    await clock.advance(4_999)
    expect(warn).not.toHaveBeenCalled()
    await clock.advance(1)
    await until(() => warn.mock.calls.length > 0)
    expect(warn.mock.calls[0]?.[0]).toBe('svc is not announced: after 5000 ms its server does not listen yet')
    server.emit('close')
    expect(await ended).toBe('the server of svc was closed before it listened')
  })
})
