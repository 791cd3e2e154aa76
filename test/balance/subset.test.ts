import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/balance/balancer.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { subset, type SubsetOptions } from '../../src/balance/subset.ts'
import { endpoints, requests, tally } from './harness.ts'

/** The ids that a client uses. */
function used(clientId: number | string, size: number, set: readonly Endpoint[], all = set): Set<string> {
  const request = requests()
  const picks = tally(subset(roundRobin(), { size, clientId }), set, size * 2, () => request({ all }))
  return new Set(Object.keys(picks).filter((id) => picks[id]))
}

describe('subset', () => {
  it('uses exactly size endpoints, the same in every process and for any order of the set', () => {
    const all = endpoints(100)
    const ids = used(3, 10, all)
    expect(ids.size).toBe(10)
    expect(used(3, 10, all.toReversed())).toEqual(ids)
    expect(used(4, 10, all)).not.toEqual(ids)
  })

  it('uses all of a small fleet', () => {
    expect(used('me', 10, endpoints(4)).size).toBe(4)
  })

  it.each([
    { clients: 100, spread: 1.25 },
    { clients: 37, spread: 1.45 },
  ])('is used by about as many of $clients numbered clients on each endpoint', ({ clients, spread }) => {
    const all = endpoints(50)
    const load: Record<string, number> = {}
    for (let client = 0; client < clients; client++) {
      for (const id of used(client, 20, all)) load[id] = (load[id] ?? 0) + 1
    }
    const counts = Object.values(load)
    expect(counts).toHaveLength(50)
    expect(Math.max(...counts) / ((clients * 20) / 50)).toBeLessThan(spread)
    expect(Math.min(...counts) / ((clients * 20) / 50)).toBeGreaterThan(2 - spread)
  })

  it('changes by at most two when one endpoint of many leaves', () => {
    const all = endpoints(200)
    const rest = all.filter((_, index) => index !== 77)
    for (let client = 0; client < 40; client++) {
      const before = used(client, 20, all)
      const added = [...used(client, 20, rest)].filter((id) => !before.has(id))
      expect(added.length).toBeLessThanOrEqual(2)
    }
  })

  it('replaces broken endpoints and keeps all others', () => {
    const all = endpoints(100)
    const before = used(5, 10, all)
    const [broken] = [...before]
    const now = used(
      5,
      10,
      all.filter(({ instance }) => instance.id !== broken),
      all,
    )
    expect(now.size).toBe(10)
    expect([...before].filter((id) => !now.has(id))).toEqual([broken])
  })

  it('leaves the subset for a retry when the call has tried all of it', () => {
    const all = endpoints(20)
    const ids = used(1, 2, all)
    const tried = all.filter(({ instance }) => ids.has(instance.id))
    const chosen = subset(roundRobin(), { size: 2, clientId: 1 }).pick(all, requests()({ tried }))
    expect(tried).not.toContain(chosen)
  })

  it.each([
    [{ size: 0, clientId: 1 }, 'subset.size must be an integer >= 1, got 0'],
    [{ size: 5, clientId: '' }, "subset.clientId must be a number or a non-empty string, got ''"],
    [{ size: 5, clientId: 1.5 }, 'subset.clientId must be an integer >= 0 and <= 2147483648, got 1.5'],
    [{ size: 5 }, 'subset.clientId must be a number or a non-empty string, got undefined'],
  ])('rejects %o', (options, message) => {
    expect(() => subset(roundRobin(), options as SubsetOptions)).toThrow(message)
  })
})
