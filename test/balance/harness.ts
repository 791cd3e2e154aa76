import type { Balancer, Endpoint, PickRequest } from '../../src/balance/balancer.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'

/** An endpoint whose load a test sets. */
export interface FakeEndpoint extends Endpoint {
  inFlight: number
  pending: number
  age: number
}

export function endpoint(id: string, instance: Partial<Instance> = {}): FakeEndpoint {
  return {
    instance: { id, url: `http://${id}.test:8080`, ...instance },
    weight: instance.weight ?? 1,
    inFlight: 0,
    pending: 0,
    age: 0,
    pendingAge() {
      return this.pending > 0 ? this.age : 0
    },
  }
}

/** `a`, `b`, `c`, … or, with more than 26, `e0`, `e1`, … */
export function endpoints(count: number, instance: Partial<Instance> = {}): FakeEndpoint[] {
  return Array.from({ length: count }, (_, index) =>
    endpoint(count <= 26 ? String.fromCodePoint(97 + index) : `e${index}`, instance),
  )
}

export function trio(): [FakeEndpoint, FakeEndpoint, FakeEndpoint] {
  return [endpoint('a'), endpoint('b'), endpoint('c')]
}

export interface RequestInit extends Partial<Omit<PickRequest, 'excluded' | 'random'>> {
  tried?: readonly Endpoint[]
}

/** Makes pick requests that share one seeded source of random numbers. */
export function requests(seed = 1): (init?: RequestInit) => PickRequest {
  const clock = new ManualClock({ seed })
  return ({ tried = [], ...rest } = {}) => ({
    now: 0,
    attempt: tried.length + 1,
    random: () => clock.random(),
    excluded: (endpoint) => tried.includes(endpoint),
    ...rest,
  })
}

/** Counts how often each id is picked in `count` picks. */
export function tally(
  balancer: Balancer,
  set: readonly Endpoint[],
  count: number,
  request: () => PickRequest = requests(),
): Record<string, number> {
  const picks: Record<string, number> = Object.fromEntries(set.map(({ instance }) => [instance.id, 0]))
  for (let pick = 0; pick < count; pick++) {
    const id = balancer.pick(set, request())?.instance.id ?? 'none'
    picks[id] = (picks[id] ?? 0) + 1
  }
  return picks
}

/** Returns the ids of `count` picks in a row as one string. */
export function sequence(
  balancer: Balancer,
  set: readonly Endpoint[],
  count: number,
  request: () => PickRequest = requests(),
): string {
  return Array.from({ length: count }, () => balancer.pick(set, request())?.instance.id).join('')
}

/** Pearson's chi-squared statistic. For `k` shares its mean is k − 1 and its standard deviation √(2(k − 1)). */
export function chiSquare(observed: Readonly<Record<string, number>>, share: (id: string) => number): number {
  const total = Object.values(observed).reduce((sum, count) => sum + count, 0)
  return Object.entries(observed).reduce((sum, [id, count]) => {
    const expected = total * share(id)
    return sum + (count - expected) ** 2 / expected
  }, 0)
}

/** The upper limit of the statistic for a fair draw over `k` shares: its mean plus four standard deviations. */
export function chiLimit(shares: number): number {
  return shares - 1 + 4 * Math.sqrt(2 * Math.max(shares - 1, 1))
}
