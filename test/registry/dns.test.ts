import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  dns,
  type DnsAddress,
  type DnsOptions,
  type DnsResolver,
  type DnsSrv,
} from '../../src/registry/dns.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { record, type Recording } from './combine-support.ts'

type Answers<T> = Record<string, readonly T[] | string | Error>

/** Answers from tables. A string is an error code, and a name that is in no table does not exist. */
class TableResolver implements DnsResolver {
  v4: Answers<DnsAddress> = {}
  v6: Answers<DnsAddress> = {}
  srv: Answers<DnsSrv> = {}
  asked: string[] = []

  resolve4(name: string): Promise<readonly DnsAddress[]> {
    return this.#answer('A', this.v4, name)
  }

  resolve6(name: string): Promise<readonly DnsAddress[]> {
    return this.#answer('AAAA', this.v6, name)
  }

  resolveSrv(name: string): Promise<readonly DnsSrv[]> {
    return this.#answer('SRV', this.srv, name)
  }

  async #answer<T>(type: string, answers: Answers<T>, name: string): Promise<readonly T[]> {
    this.asked.push(`${type} ${name}`)
    const answer = answers[name] ?? 'ENOTFOUND'
    if (answer instanceof Error) throw answer
    if (typeof answer === 'string')
      throw Object.assign(new Error(`query ${answer} ${name}`), { code: answer })
    return answer
  }
}

const a = (address: string, ttl = 60): DnsAddress => ({ address, ttl })
const srv = (name: string, port: number, rest: Partial<DnsSrv> = {}): DnsSrv => ({
  name,
  port,
  priority: 0,
  weight: 0,
  ...rest,
})

function start(resolver: DnsResolver, options: DnsOptions): { clock: ManualClock; recording: Recording } {
  const clock = new ManualClock()
  const recording = record(dns({ resolver, clock, ...options }))
  onTestFinished(() => recording.abort())
  return { clock, recording }
}

const HOST = { host: 'h.test', port: 80 }
const SRV = { srv: '_http._tcp.users.test' }

describe('host', () => {
  test('returns the addresses of both families, sorted', async () => {
    const resolver = new TableResolver()
    resolver.v4['h.test'] = [a('10.0.0.2'), a('10.0.0.1')]
    resolver.v6['h.test'] = [a('fd00::1')]
    const { clock, recording } = start(resolver, HOST)
    await clock.advance(0)
    expect(recording.values).toEqual([
      [
        { id: '10.0.0.1:80', url: 'http://10.0.0.1:80' },
        { id: '10.0.0.2:80', url: 'http://10.0.0.2:80' },
        { id: '[fd00::1]:80', url: 'http://[fd00::1]:80' },
      ],
    ])
  })

  test.each([
    [4, ['10.0.0.1:80'], ['A h.test']],
    [6, ['[fd00::1]:80'], ['AAAA h.test']],
  ] as const)('of family %d asks for nothing else', async (family, ids, asked) => {
    const resolver = new TableResolver()
    resolver.v4['h.test'] = [a('10.0.0.1')]
    resolver.v6['h.test'] = [a('fd00::1')]
    const { clock, recording } = start(resolver, { ...HOST, family })
    await clock.advance(0)
    expect(recording.ids).toEqual([ids])
    expect(resolver.asked).toEqual(asked)
  })

  test('the name may depend on the service, and the scheme may be https', async () => {
    const resolver = new TableResolver()
    resolver.v4['users.shop.test'] = [a('10.0.0.1')]
    const { clock, recording } = start(resolver, {
      host: (service) => `${service}.shop.test`,
      port: 8443,
      scheme: 'https',
    })
    await clock.advance(0)
    expect(recording.values).toEqual([[{ id: '10.0.0.1:8443', url: 'https://10.0.0.1:8443' }]])
  })

  test.each(['', 7, undefined])('a name function that returns %j fails the watch', async (name) => {
    const { clock, recording } = start(new TableResolver(), { host: () => name as string, port: 1 })
    await clock.advance(0)
    expect(recording.error).toMatchObject({ message: expect.stringContaining("DNS name of 'users'") })
  })

  test.each([
    ['ENOTFOUND', 'ENOTFOUND'],
    ['ENODATA', 'ENODATA'],
  ])('%s and %s mean that there are no instances', async (v4, v6) => {
    const resolver = new TableResolver()
    resolver.v4['h.test'] = v4
    resolver.v6['h.test'] = v6
    const { clock, recording } = start(resolver, HOST)
    await clock.advance(0)
    expect(recording.ids).toEqual([[]])
  })

  test.each(['ESERVFAIL', 'EREFUSED', 'ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED'])(
    '%s of one family fails the watch, even if the other family has addresses',
    async (code) => {
      for (const broken of ['v4', 'v6'] as const) {
        const resolver = new TableResolver()
        resolver.v4['h.test'] = [a('10.0.0.1')]
        resolver.v6['h.test'] = [a('fd00::1')]
        resolver[broken]['h.test'] = code
        const { clock, recording } = start(resolver, HOST)
        await clock.advance(0)
        expect(recording).toMatchObject({ values: [], error: { code } })
      }
    },
  )
})

describe('SRV', () => {
  test('of two records for one address the one with the better priority counts, in any order', async () => {
    const resolver = new TableResolver()
    const records = [srv('late.test', 80, { priority: 10, weight: 9 }), srv('early.test', 80, { weight: 1 })]
    resolver.v4 = { 'early.test': [a('10.0.0.7')], 'late.test': [a('10.0.0.7')] }
    resolver.srv[SRV.srv] = records
    const { clock, recording } = start(resolver, SRV)
    await clock.advance(0)
    resolver.srv[SRV.srv] = records.toReversed()
    await clock.advance(60_000)
    expect(resolver.asked.filter((asked) => asked.startsWith('SRV')).length).toBeGreaterThan(1)
    const priorities = recording.values.map((list) =>
      (list as Instance[]).map(({ priority = 0 }) => priority),
    )
    expect(new Set(priorities.map(String))).toEqual(new Set(['0,10']))
  })

  test('returns every address of every target at the port of its record', async () => {
    const resolver = new TableResolver()
    resolver.srv[SRV.srv] = [
      srv('b.test', 8002, { priority: 1, weight: 5 }),
      srv('a.test', 8001, { weight: 10 }),
      srv('gone.test', 8003, { weight: 10 }),
    ]
    resolver.v4 = { 'a.test': [a('10.0.0.1'), a('10.0.0.2')], 'b.test': [a('10.0.0.3')] }
    resolver.v6 = { 'a.test': [a('fd00::1'), a('fd00::2')] }
    const { clock, recording } = start(resolver, SRV)
    await clock.advance(0)
    const entry = (
      address: string,
      port: number,
      weight: number,
      priority: number,
      target: string,
    ): object => ({
      id: `${address}:${port}`,
      url: `http://${address}:${port}`,
      weight,
      priority,
      metadata: { target },
    })
    expect(recording.values).toEqual([
      [
        entry('10.0.0.1', 8001, 2.5, 0, 'a.test'),
        entry('10.0.0.2', 8001, 2.5, 0, 'a.test'),
        entry('10.0.0.3', 8002, 5, 1, 'b.test'),
        entry('[fd00::1]', 8001, 2.5, 0, 'a.test'),
        entry('[fd00::2]', 8001, 2.5, 0, 'a.test'),
      ],
    ])
  })

  test.each([
    ['all zero: no choice is to be made', [0, 0], [1, 1]],
    ['zero beside others: a very small chance', [0, 100, 20], [0.2, 100, 20]],
    ['one priority says nothing about another', [0, [1, 7]], [1, 7]],
  ] as const)('weight, %s', async (_what, weights, expected) => {
    const resolver = new TableResolver()
    resolver.srv[SRV.srv] = weights.map((weight, index) =>
      typeof weight === 'number'
        ? srv(`t${index}.test`, 80, { weight })
        : srv(`t${index}.test`, 80, { priority: weight[0], weight: weight[1] }),
    )
    weights.forEach((_, index) => (resolver.v4[`t${index}.test`] = [a(`10.0.0.${index}`)]))
    const { clock, recording } = start(resolver, SRV)
    await clock.advance(0)
    expect(recording.values[0]).toEqual(expected.map((weight) => expect.objectContaining({ weight })))
  })

  test.each(['', '.'])('a target of %j means that the service has no instances', async (target) => {
    const resolver = new TableResolver()
    resolver.srv[SRV.srv] = [srv(target, 0)]
    const { clock, recording } = start(resolver, SRV)
    await clock.advance(0)
    expect(recording.ids).toEqual([[]])
    expect(resolver.asked).toEqual([`SRV ${SRV.srv}`])
  })

  test('a target is resolved once, even if several records name it', async () => {
    const resolver = new TableResolver()
    resolver.srv[SRV.srv] = [srv('a.test', 1), srv('a.test', 2)]
    resolver.v4['a.test'] = [a('10.0.0.1')]
    const { clock, recording } = start(resolver, { ...SRV, family: 4 })
    await clock.advance(0)
    expect(recording.ids).toEqual([['10.0.0.1:1', '10.0.0.1:2']])
    expect(resolver.asked).toEqual([`SRV ${SRV.srv}`, 'A a.test'])
  })

  test('a target that cannot be resolved fails the watch, because a partial list would look complete', async () => {
    const resolver = new TableResolver()
    resolver.srv[SRV.srv] = [srv('a.test', 1), srv('b.test', 2)]
    resolver.v4 = { 'a.test': [a('10.0.0.1')], 'b.test': 'ESERVFAIL' }
    const { clock, recording } = start(resolver, SRV)
    await clock.advance(0)
    expect(recording).toMatchObject({ values: [], error: { code: 'ESERVFAIL' } })
  })
})

describe('queries again', () => {
  test.each([
    ['after the smallest ttl', [20, 10], {}, 10_000],
    ['no sooner than minTtl', [0, 10], {}, 1_000],
    ['no sooner than minTtl', [0, 10], { minTtl: 250 }, 250],
    ['no later than maxTtl', [3600, 600], {}, 30_000],
    ['no later than maxTtl', [3600, 600], { maxTtl: 5_500 }, 5_500],
    ['after minTtl where that is above the default maxTtl', [1, 1], { minTtl: 60_000 }, 60_000],
    ['after 5 s when nobody is there', [], {}, 5_000],
    ['after 5 s when the resolver does not tell', [Number.NaN], {}, 5_000],
  ])('%s, %j', async (_what, ttls, options, wait) => {
    const resolver = new TableResolver()
    resolver.v4['h.test'] = ttls.map((ttl, index) => a(`10.0.0.${index}`, ttl))
    const { clock } = start(resolver, { ...HOST, ...options })
    await clock.advance(wait - 1)
    expect(resolver.asked).toHaveLength(2)
    await clock.advance(1)
    expect(resolver.asked).toHaveLength(4)
  })

  test('after the TTL of an SRV record, if the resolver reports it', async () => {
    const resolver = new TableResolver()
    resolver.srv[SRV.srv] = [srv('a.test', 1, { ttl: 2 })]
    resolver.v4['a.test'] = [a('10.0.0.1', 60)]
    const { clock } = start(resolver, { ...SRV, family: 4 })
    await clock.advance(1_999)
    expect(resolver.asked).toHaveLength(2)
    await clock.advance(1)
    expect(resolver.asked).toHaveLength(4)
  })
})

describe('a resolver', () => {
  test('that never answers fails the watch after the timeout', async () => {
    const hang = (): Promise<never> => new Promise(() => {})
    const { clock, recording } = start(
      { resolve4: hang, resolve6: hang, resolveSrv: hang },
      { ...HOST, timeout: 700 },
    )
    await clock.advance(699)
    expect(recording.done).toBe(false)
    await clock.advance(1)
    expect(recording.error).toMatchObject({ name: 'TimeoutError' })
    expect(clock.timers).toBe(0)
  })

  test('that never answers does not delay an abort', async () => {
    const hang = (): Promise<never> => new Promise(() => {})
    const { clock, recording } = start({ resolve4: hang, resolve6: hang, resolveSrv: hang }, HOST)
    await clock.advance(10)
    recording.abort()
    await recording.ended
    expect(recording.error).toBeUndefined()
    expect(clock.timers).toBe(0)
  })

  test('that throws synchronously or returns garbage fails the watch without an unhandled rejection', async () => {
    const resolver = new TableResolver()
    resolver.v4['h.test'] = 'ESERVFAIL'
    vi.spyOn(resolver, 'resolve6').mockImplementation(() => {
      throw new Error('sync')
    })
    const first = start(resolver, HOST)
    await first.clock.advance(0)
    expect(first.recording.error).toBeInstanceOf(Error)
    const garbage = (): Promise<never> => Promise.resolve(7 as never)
    const second = start({ resolve4: garbage, resolve6: garbage, resolveSrv: garbage }, HOST)
    await second.clock.advance(0)
    expect(second.recording.error).toBeInstanceOf(TypeError)
  })
})

test('an abort during a pause ends the watch without an error and leaves no timer', async () => {
  const resolver = new TableResolver()
  const { clock, recording } = start(resolver, HOST)
  await clock.advance(1)
  expect(clock.timers).toBe(1)
  recording.abort()
  await recording.ended
  expect(recording.error).toBeUndefined()
  expect(clock.timers).toBe(0)
})

const answering = new TableResolver()
test.each([
  [undefined, 'dns must be an object, got undefined'],
  [{}, 'dns needs either srv or host, got {}'],
  [{ srv: 'a', host: 'b' }, 'dns needs either srv or host'],
  [{ srv: 'a', port: 1 }, 'dns.port must not be set with dns.srv'],
  [{ srv: '' }, 'dns.srv must not be empty'],
  [{ srv: 7 }, 'dns.srv must be a function, got 7'],
  [{ host: 'a' }, 'dns.port must be a number, got undefined'],
  [{ host: 'a', port: 0 }, 'dns.port must be an integer >= 1 and <= 65535, got 0'],
  [{ host: 'a', port: 1, sheme: 'http' }, 'dns.sheme is not an option'],
  [{ srv: 'a', scheme: 'ftp' }, "dns.scheme must be 'http' or 'https', got 'ftp'"],
  [{ srv: 'a', family: 5 }, 'dns.family must be 4 or 6, got 5'],
  [{ srv: 'a', minTtl: 0 }, 'dns.minTtl must be a number > 0, got 0'],
  [{ srv: 'a', maxTtl: 500 }, 'dns.maxTtl must be a number >= 1000, got 500'],
  [{ srv: 'a', timeout: 0 }, 'dns.timeout must be a number >= 1, got 0'],
  [{ srv: 'a', servers: ['ns.test'] }, "dns.servers must be a list of IP addresses, got [ 'ns.test' ]"],
  [{ srv: 'a', servers: [] }, 'dns.servers must be a list of IP addresses, got []'],
  [{ srv: 'a', servers: 7 }, 'dns.servers must be a list of IP addresses, got 7'],
  [{ srv: 'a', resolver: {} }, 'dns.resolver must have a method resolve4()'],
  [{ srv: 'a', resolver: answering, servers: ['1.1.1.1'] }, 'dns.servers must not be set with resolver'],
  [{ srv: 'a', clock: {} }, 'dns.clock must have a method now()'],
])('refuses %j', (options, message) => {
  expect(() => dns(options as unknown as DnsOptions)).toThrow(message)
})
