import { describe, expect, it, vi } from 'vitest'
import { leastRequest } from '../../src/balance/least-request.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import type { SimulatedServer } from '../../src/testing/servers.ts'
import { simulate, type SimulatedPolicy, type SimulationOptions } from '../../src/testing/simulate.ts'
import { inOrder } from '../support/balance.ts'

function server(
  id: string,
  respond: Partial<SimulatedServer> & { after?: number; status?: number } = {},
): SimulatedServer {
  const { after = 10, status = 200, ...rest } = respond
  return { id, respond: () => ({ after, status }), ...rest }
}

/** 99 calls, 10 ms apart. */
const base: Pick<SimulationOptions, 'duration' | 'arrivals'> = {
  duration: 1_000,
  arrivals: { rate: 100, process: 'uniform' },
}
const bare: SimulatedPolicy = { balance: inOrder, breaker: false, retry: false, timeout: false }

/** Uses breakers, retries, hedges, several clients and random numbers at once. */
const lively: SimulationOptions = {
  seed: 42,
  duration: 20_000,
  clients: 3,
  client: () => ({ balance: leastRequest(), hedge: {}, timeout: { attempt: 200 } }),
  servers: Array.from({ length: 5 }, (_, index) => ({
    id: `s${index}`,
    respond: ({ random }) =>
      index === 4 ? 'refuse' : { after: 20 + 100 * random() ** 4, status: random() < 0.05 ? 503 : 200 },
  })),
  arrivals: { rate: 300 },
}

describe('simulate()', () => {
  it('gives the same report for the same seed, and a different one for another seed', async () => {
    const [first, again] = await Promise.all([simulate(lively), simulate(lively)])
    expect(again).toEqual(first)
    expect((await simulate({ ...lively, seed: 43 })).latency).not.toEqual(first.latency)
  })

  it('gives the same report on every supported version of Node', async () => {
    const { logical, latency } = await simulate({ ...lively, client: () => bare, warmup: 5_000 })
    expect({ logical, mean: latency.mean.toFixed(9), p999: latency.p999.toFixed(9) }).toEqual({
      logical: 4473,
      mean: '40.092604464',
      p999: '119.548193909',
    })
  })

  it('sends the same traffic whatever the policy', async () => {
    const traffic = async (client: () => SimulatedPolicy): Promise<readonly number[]> => {
      const drawn: number[] = []
      await simulate({
        ...lively,
        client,
        request: (index, random) => {
          drawn.push(index, random())
          return {}
        },
      })
      return drawn
    }
    expect(await traffic(() => bare)).toEqual(await traffic(() => ({ balance: roundRobin() })))
  })

  it('sets no real timer, even to simulate a day', async () => {
    const spies = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')]
    try {
      const { logical, latency } = await simulate({
        duration: 86_400_001,
        arrivals: { rate: 0.01, process: 'uniform' },
        servers: [server('a', { after: 60_000 })],
        client: () => ({ timeout: 120_000 }),
      })
      expect({ logical, p50: latency.p50 }).toEqual({ logical: 864, p50: 60_000 })
      for (const spy of spies) expect(spy).not.toHaveBeenCalled()
    } finally {
      for (const spy of spies) spy.mockRestore()
    }
  })

  it('works with every default', async () => {
    const report = await simulate({ duration: 10_000, servers: [server('a')], arrivals: { rate: 100 } })
    expect(report).toMatchObject({ success: 1, latency: { p999: 10 }, byServer: { a: report.logical } })
  })
})

describe('outcomes', () => {
  it.each([
    [200, 1],
    [404, 1],
    [429, 0],
    [500, 0],
  ])('a %d is a success of %d', async (status, success) => {
    const report = await simulate({ ...base, client: () => bare, servers: [server('a', { status })] })
    expect(report.success).toBe(success)
  })

  it('can be defined by the option success', async () => {
    const seen = new Set<string>()
    const report = await simulate({
      ...base,
      client: () => ({ ...bare, timeout: 15 }),
      servers: [server('a', { respond: ({ now }) => (now < 500 ? { after: 10, status: 418 } : 'never') })],
      success: ({ status, ms }) => {
        seen.add(`${status} after ${Math.round(ms)} ms`)
        return status === undefined
      },
    })
    expect([...seen]).toEqual(['418 after 10 ms', 'undefined after 15 ms'])
    expect(report.success).toBeCloseTo(50 / 99)
  })

  it.each([
    ['the deadline', { timeout: { total: 300 } }, 300],
    ['the attempt timeout', { timeout: { attempt: 200 } }, 200],
  ])('a server that never answers fails the call at %s', async (_name, policy, ms) => {
    const report = await simulate({
      ...base,
      client: () => ({ ...bare, ...policy }),
      servers: [server('a', { respond: () => 'never' })],
    })
    expect(report).toMatchObject({ logical: 99, attempts: 99, success: 0 })
    expect(report.latency.p50).toBeCloseTo(ms)
    expect(report.latency.p999).toBeCloseTo(ms)
  })

  it('a call that never ends is a failure with infinite latency', async () => {
    const report = await simulate({
      ...base,
      client: () => bare,
      servers: [server('a', { respond: ({ now }) => (now > 985 ? 'never' : { after: 1, status: 200 }) })],
    })
    expect(report.success).toBeCloseTo(98 / 99)
    expect(report.latency).toMatchObject({ p999: Infinity, mean: Infinity })
    expect(report.latency.p90).toBeCloseTo(1)
  })

  it('a refused connection is retried on another server, and each attempt is counted', async () => {
    const report = await simulate({
      ...base,
      client: () => ({ ...bare, retry: { backoff: 0 }, budget: { ratio: 1 } }),
      servers: [server('a', { respond: () => 'refuse' }), server('b')],
    })
    expect(report).toMatchObject({ logical: 99, attempts: 198, success: 1, byServer: { a: 99, b: 99 } })
    expect(report.events.filter(({ name }) => name === 'call:retry')).toHaveLength(99)
  })

  it('hedges are counted, and shorten the latencies of callers', async () => {
    const report = await simulate({
      ...base,
      client: () => ({ ...bare, hedge: { after: 50 }, budget: { ratio: 1 } }),
      servers: [server('a', { after: 1_000 }), server('b')],
    })
    expect(report).toMatchObject({ attempts: 198, byServer: { a: 99, b: 99 } })
    expect(report.latency.p999).toBeCloseTo(60)
  })

  it('Retry-After is used', async () => {
    const busy: SimulatedServer = {
      id: 'a',
      respond: () => ({ after: 1, status: 503, headers: { 'retry-after': '5' } }),
    }
    const report = await simulate({ ...base, client: () => bare, servers: [busy, server('b')] })
    expect(report.byServer).toEqual({ a: 1, b: 98 })
  })
})

describe('traffic', () => {
  it('that arrives in the warm-up is sent but not reported', async () => {
    let asked = 0
    const { logical, attempts, byServer, timeline } = await simulate({
      ...base,
      duration: 3_000,
      warmup: 2_000,
      client: () => bare,
      servers: [
        server('a', {
          respond: () => {
            asked++
            return { after: 10, status: 200 }
          },
        }),
      ],
    })
    expect(asked).toBe(299)
    expect({ logical, attempts, byServer }).toEqual({ logical: 100, attempts: 100, byServer: { a: 100 } })
    expect(timeline).toEqual([{ at: 2_000, logical: 100, success: 1, p99: timeline[0]?.p99 }])
  })

  it('is distributed over clients, each with its own policy and fleet', async () => {
    const made: number[] = []
    const { events, byServer } = await simulate({
      ...base,
      duration: 10_000,
      clients: 4,
      client: ({ index }) => {
        made.push(index)
        return { ...bare, breaker: { failureThreshold: 3, openFor: 60_000 } }
      },
      servers: [server('a', { status: 500, after: 1 }), server('b')],
    })
    expect(made).toEqual([0, 1, 2, 3])
    // Each client finds out separately.
    expect(byServer['a']).toBe(12)
    const opened = events.filter(({ name }) => name === 'breaker:open')
    expect(opened.map(({ client }) => client).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
    expect(opened.map(({ instance }) => instance)).toEqual(['a', 'a', 'a', 'a'])
  })

  it('uses the policy of its route', async () => {
    const report = await simulate({
      ...base,
      client: () => ({ ...bare, routes: { 'GET /slow': { timeout: 500 }, 'GET /fast': { timeout: 5 } } }),
      servers: [server('a', { after: 100 })],
      request: (index) => ({ route: index % 3 === 0 ? 'GET /fast' : 'GET /slow' }),
    })
    expect(report.success).toBeCloseTo(2 / 3)
    expect(report.latency.p99).toBeCloseTo(100)
  })

  it.each([
    [{ method: 'GET' }, 1],
    [{ method: 'POST' }, 0],
    [{ method: 'POST', route: 'POST /orders' }, 0],
    [{ method: 'post', route: 'POST /ideas' }, 1],
  ])('%o is retried only if that is safe', async (request, success) => {
    const report = await simulate({
      ...base,
      client: () => ({
        ...bare,
        retry: { backoff: 0 },
        budget: { ratio: 1 },
        routes: { 'POST /orders': {}, 'POST /ideas': { idempotent: true } },
      }),
      servers: [server('a', { status: 503 }), server('b')],
      request: () => request,
    })
    expect(report.success).toBe(success)
  })

  it('passes the request to the server', async () => {
    const seen = new Set<string>()
    await simulate({
      ...base,
      servers: [
        server('a', {
          respond: ({ request: { method, path } }) => {
            seen.add(`${method} ${path}`)
            return { after: 1, status: 200 }
          },
        }),
      ],
      request: (index) => ({ method: 'GET', path: `/users/${index % 2}` }),
    })
    expect(seen).toEqual(new Set(['GET /users/0', 'GET /users/1']))
  })
})

describe('servers', () => {
  it('join and leave the registry', async () => {
    const { byServer, events, success } = await simulate({
      ...base,
      client: () => ({ ...bare, balance: (endpoints) => endpoints.at(-1) }),
      servers: [server('a'), server('b', { joins: 295, leaves: 605 })],
    })
    expect(success).toBe(1)
    expect(byServer).toEqual({ a: 99 - 31, b: 31 })
    expect(events).toEqual([
      { name: 'instance:added', at: 0, client: 0, instance: 'a' },
      { name: 'instance:added', at: 295, client: 0, instance: 'b' },
      { name: 'instance:removed', at: 605, client: 0, instance: 'b' },
    ])
  })

  it('are instances with zone, weight and priority', async () => {
    const seen: unknown[] = []
    await simulate({
      ...base,
      duration: 15,
      client: () => ({
        ...bare,
        balance: (endpoints) => {
          seen.push(...endpoints.map(({ instance: { url: _url, ...rest } }) => rest))
          return endpoints[0]
        },
      }),
      servers: [server('a', { zone: 'z', weight: 3, priority: 2 }), server('b')],
    })
    expect(seen).toEqual([{ id: 'a', zone: 'z', weight: 3, priority: 2 }, { id: 'b' }])
  })

  it('finish requests that their callers have given up', async () => {
    const loads: number[] = []
    await simulate({
      ...base,
      duration: 45,
      client: () => ({ ...bare, timeout: 5 }),
      servers: [
        server('a', {
          respond: ({ inFlight }) => {
            loads.push(inFlight)
            return { after: 25, status: 200 }
          },
        }),
      ],
    })
    expect(loads).toEqual([1, 2, 3, 3])
  })

  it('report their load to a client policy that uses inFlight', async () => {
    const { byServer } = await simulate({
      ...base,
      clients: 2,
      client: ({ inFlight }) => ({
        ...bare,
        balance: (endpoints) =>
          endpoints.toSorted((a, b) => inFlight(a.instance.id) - inFlight(b.instance.id))[0],
      }),
      servers: [server('a', { after: 25 }), server('b', { after: 25 }), server('c', { after: 25 })],
    })
    expect(byServer).toEqual({ a: 33, b: 33, c: 33 })
  })
})

describe('an error in the model ends the simulation', () => {
  const fail = (): never => {
    throw new Error('oops')
  }
  it.each<[string, Partial<SimulationOptions>, string]>([
    ['a server that throws', { servers: [{ id: 'a', respond: fail }] }, 'oops'],
    [
      'an answer before its request',
      { servers: [server('a', { after: -1 })] },
      "after, of server 'a' must be a number >= 0 and <= 9007199254740991, got -1",
    ],
    [
      'an answer without a status',
      { servers: [{ id: 'a', respond: () => ({ after: 1 }) as never }] },
      "status, of server 'a' must be a number, got undefined",
    ],
    ['a request that throws', { request: fail }, 'oops'],
    ['a shape that throws', { arrivals: { rate: 1, shape: fail } }, 'oops'],
    ['a judge that throws', { success: fail }, 'oops'],
    ['a policy that throws', { client: fail }, 'oops'],
  ])('%s', async (_name, options, message) => {
    await expect(simulate({ ...base, servers: [server('a')], ...options })).rejects.toThrow(message)
  })
})

describe('options', () => {
  it.each<[unknown, string]>([
    [{ duration: 0 }, 'duration must be a number > 0 and <= 9007199254740991, got 0'],
    [{ warmup: 2_000 }, 'warmup must be a number >= 0 and <= 1000, got 2000'],
    [{ seed: 1.5 }, 'seed must be an integer >= 0 and <= 4294967295, got 1.5'],
    ...['warmup', 'seed', 'clients'].map((name): [unknown, string] => [
      { [name]: null },
      `${name} must be a number, got null`,
    ]),
    ...['client', 'request', 'success'].map((name): [unknown, string] => [
      { [name]: null },
      `${name} must be a function, got null`,
    ]),
    [{ duration: Infinity }, 'duration must be a number > 0 and <= 9007199254740991, got Infinity'],
    [{ arrivals: { rate: Infinity } }, 'got Infinity'],
    [{ arrivals: { rate: 1, shape: () => Infinity } }, 'arrivals.shape() must be a number'],
    [{ clients: 0 }, 'clients must be an integer >= 1, got 0'],
    [{ client: {} }, 'client must be a function, got {}'],
    [{ request: 'GET' }, "request must be a function, got 'GET'"],
    [{ success: 1 }, 'success must be a function, got 1'],
    [{ speed: 2 }, 'simulate().speed is not an option'],
    [{ arrivals: { rate: 0 } }, 'arrivals.rate must be a number > 0 and <= 1000000000, got 0'],
    [
      { arrivals: { rate: 1, process: 'pareto' } },
      "arrivals.process must be 'poisson' or 'uniform', got 'pareto'",
    ],
    [{ arrivals: { rate: 1, shape: 2 } }, 'arrivals.shape must be a function, got 2'],
    [{ arrivals: { rps: 1 } }, 'arrivals.rps is not an option; known: rate, process, shape'],
    [{ servers: {} }, 'servers must be an array that is not empty, got {}'],
    [{ servers: [] }, 'servers must be an array that is not empty, got []'],
    [{ servers: [{ ...server('a'), id: undefined }] }, 'servers[0].id must be a string that is not empty'],
    [{ servers: [server('')] }, "servers[0].id must be a string that is not empty, got ''"],
    [{ servers: [{ ...server('a'), joins: null }] }, 'servers[0].joins must be a number, got null'],
    [{ servers: [{ ...server('a'), leaves: null }] }, 'servers[0].leaves must be a number, got null'],
    [{ servers: [{ id: 'a' }] }, 'servers[0].respond must be a function, got undefined'],
    [{ servers: [server('a'), server('a')] }, "servers[1].id must be unique, got 'a' twice"],
    [{ servers: [server('a', { joins: 5, leaves: 4 })] }, 'servers[0].leaves must be a number >= 5, got 4'],
    [{ servers: [{ ...server('a'), port: 80 }] }, 'servers[0].port is not an option'],
    [{ servers: [server('a', { weight: -1 })] }, 'weight must be a number'],
    [{ client: () => ({ retries: 3 }) }, 'createClient().retries is not an option'],
    [{ client: async () => bare }, 'client() must return an object, got Promise {'],
    [{ client: () => {} }, 'client() must return an object, got undefined'],
    [{ client: () => null }, 'client() must return an object, got null'],
    [
      { client: () => ({ service: 'x' }) },
      "client() must not return service, which is the simulation's, got 'x'",
    ],
    [{ client: () => ({ source: undefined }) }, 'client() must not return source'],
    [{ client: () => ({ clock: null }) }, 'client() must not return clock'],
    [{ request: () => ({ route: 'nope' }) }, "route 'nope': "],
    [{ request: () => ({ route: 5 }) }, 'a route key must be a string, got 5'],
    [{ request: () => ({ method: '' }) }, "request().method must be a string that is not empty, got ''"],
    [{ request: () => ({ path: 5 }) }, 'request().path must be a string that is not empty, got 5'],
    [{ request: () => ({ url: '/' }) }, 'request().url is not an option'],
    [{ request: () => undefined }, 'request() must be an object, got undefined'],
    [{ request: async () => ({}) }, 'request() must be an object, got Promise {'],
    [{ success: async () => true }, 'success() must be true or false, got Promise {'],
    [{ success: () => undefined }, 'success() must be true or false, got undefined'],
  ])('refuses %o', async (options, message) => {
    const given = { ...base, servers: [server('a')], ...(options as Partial<SimulationOptions>) }
    await expect(simulate(given)).rejects.toThrow(message)
  })
})
