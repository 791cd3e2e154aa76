import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Balancer, Endpoint, PickRequest } from '../../src/balance/balancer.ts'
import { consistentHash, type ConsistentHashOptions } from '../../src/balance/consistent-hash.ts'
import { chiLimit, chiSquare, endpoint, endpoints, requests, type FakeEndpoint } from './harness.ts'

const byPath = (options: Partial<ConsistentHashOptions> = {}): Balancer =>
  consistentHash({ key: ({ path }) => path, loadFactor: Infinity, ...options })

/** The endpoint of each of `count` keys. */
function owners(balancer: Balancer, set: readonly Endpoint[], count: number): (string | undefined)[] {
  const request = requests()
  return Array.from(
    { length: count },
    (_, key) => balancer.pick(set, request({ path: `/k/${key}` }))?.instance.id,
  )
}

function counts(ids: readonly (string | undefined)[]): Record<string, number> {
  const result: Record<string, number> = {}
  for (const id of ids) if (id) result[id] = (result[id] ?? 0) + 1
  return result
}

describe('consistentHash', () => {
  it('sends a key to the same endpoint, in every process and for any order of the set', () => {
    const ids = owners(byPath(), endpoints(10), 500)
    expect(owners(byPath(), endpoints(10).toReversed(), 500)).toEqual(ids)
    expect(ids.slice(0, 8).join('')).toBe('afediiaa')
  })

  it.each([2, 3, 10, 100])('spreads keys evenly over %i endpoints', (count) => {
    const keys = count * 500
    const shares = Object.values(counts(owners(byPath(), endpoints(count), keys)))
    expect(shares).toHaveLength(count)
    expect(Math.max(...shares)).toBeLessThan(500 * 1.35)
    expect(Math.min(...shares)).toBeGreaterThan(500 * 0.65)
  })

  it('spreads keys by weight', () => {
    const set = endpoints(40).map((one, index) => endpoint(one.instance.id, { weight: 1 + (index % 4) }))
    const got = counts(owners(byPath(), set, 40_000))
    for (const weight of [1, 2, 3, 4]) {
      const keys = set
        .filter((one) => one.weight === weight)
        .reduce((sum, one) => sum + (got[one.instance.id] ?? 0), 0)
      expect(keys / 40_000).toBeGreaterThan((weight / 10) * 0.9)
      expect(keys / 40_000).toBeLessThan((weight / 10) * 1.1)
    }
  })

  it('sends no keys to an endpoint of weight 0', () => {
    const set = [endpoint('none', { weight: 0 }), ...endpoints(3)]
    expect(counts(owners(byPath(), set, 1_000))['none']).toBeUndefined()
    expect(counts(owners(byPath(), [endpoint('none', { weight: 0 })], 5))).toEqual({ none: 5 })
  })

  it.each([2, 10, 100])('moves only the keys of the one endpoint of %i that leaves or joins', (count) => {
    const all = endpoints(count)
    const balancer = byPath()
    const before = owners(balancer, all, 5_000)
    const left = all[1]?.instance.id
    const after = owners(
      balancer,
      all.filter((one) => one.instance.id !== left),
      5_000,
    )
    const strayed = before.filter((id, key) => id !== left && after[key] !== id)
    expect(strayed).toEqual([])
    const moved = before.filter((id) => id === left).length
    expect(moved / 5_000).toBeLessThan(1.4 / count)
    expect(moved).toBeGreaterThan(0)
  })

  it('spreads the keys of an endpoint that leaves over many others', () => {
    const all = endpoints(20)
    const balancer = byPath()
    const before = owners(balancer, all, 20_000)
    const after = owners(balancer, all.slice(1), 20_000)
    const heirs = counts(after.filter((_, key) => before[key] === 'a'))
    expect(Object.keys(heirs).length).toBeGreaterThan(6)
  })

  it('never loads an endpoint beyond loadFactor times its fair share, rounded up', () => {
    const scenario = fc.record({
      weights: fc.array(fc.integer({ min: 1, max: 5 }), {
        minLength: 1,
        maxLength: 8,
      }),
      factor: fc.constantFrom(1, 1.25, 2),
      steps: fc.array(fc.tuple(fc.nat(9), fc.boolean()), {
        minLength: 20,
        maxLength: 200,
      }),
    })
    fc.assert(
      fc.property(scenario, ({ weights, factor, steps }) => {
        const set = weights.map((weight, index) => endpoint(`e${index}`, { weight }))
        const capacity = weights.reduce((sum, weight) => sum + weight, 0)
        const balancer = byPath({ loadFactor: factor })
        const request = requests()
        const open: FakeEndpoint[] = []
        for (const [key, release] of steps) {
          if (release) {
            const done = open.shift()
            if (done) done.inFlight--
            continue
          }
          const chosen = balancer.pick(set, request({ path: `/${key}` })) as FakeEndpoint
          const bound = Math.ceil((factor * (open.length + 1) * chosen.weight) / capacity)
          expect(++chosen.inFlight).toBeLessThanOrEqual(bound)
          open.push(chosen)
        }
      }),
    )
  })

  it('spreads one hot key over as many endpoints as needed, and returns to one when the load falls', () => {
    const set = endpoints(10)
    const balancer = byPath({ loadFactor: 1.25 })
    const request = requests()
    const home = balancer.pick(set, request({ path: '/hot' }))
    for (let call = 0; call < 100; call++) {
      const chosen = balancer.pick(set, request({ path: '/hot' })) as FakeEndpoint
      chosen.inFlight++
    }
    expect(Math.max(...set.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(14)
    for (const one of set) one.inFlight = 0
    balancer.pick(set, request({ path: '/other' }))
    expect(balancer.pick(set, request({ path: '/hot' }))).toBe(home)
  })

  it('sends every retry of a key to the same next endpoint on the ring', () => {
    const set = endpoints(5)
    const balancer = byPath()
    const request = requests()
    const first = balancer.pick(set, request({ path: '/x' })) as Endpoint
    const second = balancer.pick(set, request({ path: '/x', tried: [first] })) as Endpoint
    expect(second).not.toBe(first)
    expect(balancer.pick(set, request({ path: '/x', tried: [first] }))).toBe(second)
    const left = set.filter((one) => one !== first && one !== second)
    expect(left).toContain(balancer.pick(set, request({ path: '/x', tried: [first, second] })))
    expect(set).toContain(balancer.pick(set, request({ path: '/x', tried: set })))
  })

  it.each([undefined, null])('sends requests whose key is %s to any endpoint', (key) => {
    const request = requests()
    const picks: Record<string, number> = {}
    const set = endpoints(4)
    const balancer = byPath({ key: () => key })
    for (let call = 0; call < 2_000; call++) {
      const id = balancer.pick(set, request())?.instance.id ?? ''
      picks[id] = (picks[id] ?? 0) + 1
    }
    expect(chiSquare(picks, () => 1 / 4)).toBeLessThan(chiLimit(4))
  })

  it.each<[string, ConsistentHashOptions['key'], Partial<PickRequest>]>([
    [
      'a header name in any case',
      { header: 'X-User' },
      { header: (name) => (name === 'x-user' ? 'ann' : undefined) },
    ],
    ['a cookie', { cookie: 'sid' }, { header: () => 'a=1; xsid=bob; sid=ann ; sid2=bob' }],
    ['a path parameter', { param: 'id' }, { param: (name) => (name === 'id' ? 'ann' : undefined) }],
    ['a function', ({ path }) => path?.slice(1), { path: '/ann' }],
  ])('takes the key from %s', (_name, key, init) => {
    const set = endpoints(50)
    const expected = byPath({ key: () => 'ann' }).pick(set, requests()())
    expect(byPath({ key }).pick(set, requests()(init))).toBe(expected)
  })

  it.each([42, NaN, false, ['ann'], Symbol.iterator])(
    'treats %o from a key function as no key, and warns once',
    (key) => {
      const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      const balancer = byPath({ key: (() => key) as unknown as () => string })
      const set = endpoints(3)
      for (let call = 0; call < 10; call++) expect(set).toContain(balancer.pick(set, requests()()))
      const text = `consistentHash.key returned ${inspect(key)}, not a string`
      expect(warnings.mock.calls.map(([message]) => message)).toEqual([expect.stringContaining(text)])
      vi.restoreAllMocks()
    },
  )

  it.each([
    [{ key: { header: '' } }, "consistentHash.key must name one header, cookie or param, got { header: '' }"],
    [{ key: {} }, 'consistentHash.key must name one header, cookie or param, got {}'],
    [{ key: { header: 'a', param: 'b' } }, 'consistentHash.key must name one header, cookie or param'],
    [{ key: { query: 'a' } }, 'consistentHash.key.query is not an option; known: header, cookie, param'],
    [{ key: 'user' }, "consistentHash.key must be an object, got 'user'"],
    [{ key: { header: 'x user' } }, "consistentHash.key.header must be a header name, got 'x user'"],
    [{}, 'consistentHash.key must be an object, got undefined'],
    [{ key: () => 'k', loadFactor: null }, 'consistentHash.loadFactor must be a number, got null'],
    [{ key: () => 'k', loadFactor: 0.9 }, 'consistentHash.loadFactor must be a number >= 1, got 0.9'],
  ])('rejects %o', (options, message) => {
    expect(() => consistentHash(options as ConsistentHashOptions)).toThrow(message)
  })
})
