import { describe, expect, it } from 'vitest'
import { OutriggerError } from '../../src/errors.ts'
import { LimitExceededError } from '../../src/limit/errors.ts'
import { Limiter, type Permit } from '../../src/limit/limiter.ts'
import type { LimitOptions } from '../../src/limit/policy.ts'
import type { Priority } from '../../src/limit/priority.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const limiterOf = (options: LimitOptions): Limiter => new Limiter(options, new ManualClock(), 'limit')

function take(limiter: Limiter, count: number, priority: Priority = 'default'): Permit[] {
  return Array.from({ length: count }, () => {
    const permit = limiter.tryAcquire(priority)
    if (!permit) throw new Error('no permit')
    return permit
  })
}

/** Puts named calls such as `'c1 d1 s1'` into the queue. The letter is the priority. What happens to them is logged. */
function enqueue(
  limiter: Limiter,
  names: string,
  log: string[],
): { permits: Map<string, Permit>; leave(name: string): void } {
  const permits = new Map<string, Permit>()
  const tickets = new Map<string, { leave(): void }>()
  const priorities: Record<string, Priority> = {
    c: 'critical',
    d: 'default',
    s: 'sheddable',
  }
  for (const name of names.split(' ')) {
    try {
      const ticket = limiter.enqueue(
        priorities[name[0]!]!,
        (permit) => {
          log.push(`+${name}`)
          permits.set(name, permit)
        },
        (error) => log.push(error instanceof LimitExceededError ? `-${name}` : `?${name}`),
      )
      tickets.set(name, ticket)
    } catch {
      log.push(`!${name}`)
    }
  }
  return { permits, leave: (name) => tickets.get(name)?.leave() }
}

function refusalOf(limiter: Limiter): unknown {
  try {
    return limiter.enqueue(
      'default',
      () => {},
      () => {},
    )
  } catch (error) {
    return error
  }
}

describe('Limiter', () => {
  it('admits as many calls as the limit and no more', () => {
    const limiter = limiterOf({ max: 3 })
    const [first] = take(limiter, 3)
    expect(limiter.tryAcquire('critical')).toBeUndefined()
    expect(limiter).toMatchObject({ inFlight: 3, limit: 3, queued: 0 })
    first!.release('success', 10)
    expect(limiter.inFlight).toBe(2)
    expect(limiter.tryAcquire('default')).toBeDefined()
  })

  it('ignores a second release', () => {
    const limiter = limiterOf({ max: 2 })
    const [first] = take(limiter, 2)
    first!.release('success', 1)
    first!.release('success', 1)
    expect(limiter.inFlight).toBe(1)
  })

  it.each([
    [1, 1],
    [2, 1],
    [4, 3],
    [5, 4],
    [10, 8],
  ])('of a limit of %i, sheddable calls may use %i', (max, share) => {
    const limiter = limiterOf({ max })
    take(limiter, share, 'sheddable')
    expect(limiter.tryAcquire('sheddable')).toBeUndefined()
    take(limiter, max - share)
    expect(limiter.tryAcquire('critical')).toBeUndefined()
  })

  it('starts critical before default before sheddable calls, and each priority in order', () => {
    const limiter = limiterOf({ max: 1, queue: 6 })
    const [permit] = take(limiter, 1)
    const log: string[] = []
    const { permits } = enqueue(limiter, 's1 d1 c1 s2 d2 c2', log)
    expect(log).toEqual([])
    permit!.release('success', 1)
    for (const name of ['c1', 'c2', 'd1', 'd2', 's1', 's2']) {
      expect(log.at(-1)).toBe(`+${name}`)
      expect(limiter.inFlight).toBe(1)
      permits.get(name)!.release('success', 1)
    }
    expect(limiter).toMatchObject({ inFlight: 0, queued: 0 })
  })

  it.each([
    ['d1 d2', 'd3', ['!d3']],
    ['d1 d2', 's1', ['!s1']],
    ['d1 d2', 'c1', ['-d2']],
    ['d1 s1', 'c1', ['-s1']],
    ['s1 d1', 'd2', ['-s1']],
    ['s1 s2', 'd1', ['-s2']],
    ['s1 s2', 's3', ['!s3']],
    ['c1 c2', 'c3', ['!c3']],
    ['s1 s2', 'd1 c1', ['-s2', '-s1']],
    ['s1 s2', 'd1 c1 c2', ['-s2', '-s1', '-d1']],
    ['s1 s2', 'd1 c1 c2 c3', ['-s2', '-s1', '-d1', '!c3']],
  ])('with %s waiting in a full queue, %s makes: %j', (waiting, newcomers, expected) => {
    const limiter = limiterOf({ max: 1, queue: 2 })
    take(limiter, 1)
    const log: string[] = []
    enqueue(limiter, waiting, log)
    enqueue(limiter, newcomers, log)
    expect(log).toEqual(expected)
    expect(limiter.queued).toBe(2)
  })

  it('removes a call that left the queue', () => {
    const limiter = limiterOf({ max: 1, queue: 3 })
    const [permit] = take(limiter, 1)
    const log: string[] = []
    const { permits, leave } = enqueue(limiter, 'd1 d2 d3', log)
    leave('d2')
    leave('d2')
    expect(limiter.queued).toBe(2)
    permit!.release('success', 1)
    leave('d1')
    expect(limiter).toMatchObject({ inFlight: 1, queued: 1 })
    permits.get('d1')!.release('success', 1)
    expect(log).toEqual(['+d1', '+d3'])
  })

  it('keeps sheddable calls waiting while only the reserved part is free', () => {
    const limiter = limiterOf({ max: 5, queue: 1 })
    const permits = take(limiter, 5)
    const log: string[] = []
    enqueue(limiter, 's1', log)
    permits[0]!.release('success', 1)
    expect(log).toEqual([])
    permits[1]!.release('success', 1)
    expect(log).toEqual(['+s1'])
  })

  it('starts a queued call when nothing is in flight', () => {
    const limiter = limiterOf({ max: 1, queue: 1 })
    const log: string[] = []
    enqueue(limiter, 'd1', log)
    expect(log).toEqual(['+d1'])
    expect(limiter).toMatchObject({ inFlight: 1, queued: 0 })
  })

  it('rejects with a LimitExceededError that has a retryAfter and no stack', () => {
    const limiter = limiterOf({ max: 2, queue: 1 })
    const permits = take(limiter, 2)
    for (let i = 0; i < 100; i++) {
      permits[0]!.release('success', 400)
      permits[0] = take(limiter, 1)[0]!
    }
    enqueue(limiter, 'd1', [])
    const text = 'limit: no room for a default call, 2 of 2 in flight, 1 waiting'
    expect(refusalOf(limiter)).toBeInstanceOf(OutriggerError)
    expect(refusalOf(limiter)).toMatchObject({
      name: 'LimitExceededError',
      code: 'ERR_OUTRIGGER_LIMIT',
      message: text,
      // One call is waiting, and a place becomes free every 200 ms.
      retryAfter: 400,
      stack: `LimitExceededError: ${text}`,
    })
  })

  it('does not use ignored calls to estimate the waiting time', () => {
    const limiter = limiterOf({ max: 1 })
    take(limiter, 1)[0]!.release('ignored', 1e6)
    take(limiter, 1)
    expect(refusalOf(limiter)).toMatchObject({ retryAfter: 100 })
  })

  it.each<[unknown, string]>([
    [{ max: 0 }, 'limit.max must be an integer >= 1, got 0'],
    [{ max: 1.5 }, 'limit.max must be an integer >= 1, got 1.5'],
    [{ max: 'lots' }, "limit.max must be a number or 'adaptive', got 'lots'"],
    [{ max: 1, queue: -1 }, 'limit.queue must be an integer >= 0, got -1'],
    [{ maximum: 1 }, 'limit.maximum is not an option; known: max, queue, adaptive'],
    [{ max: 5, adaptive: {} }, "limit.adaptive needs limit.max to be 'adaptive', got 5"],
    [{ adaptive: { min: 0 } }, 'limit.adaptive.min must be an integer >= 1, got 0'],
    [{ adaptive: { min: 5, max: 4 } }, 'limit.adaptive.max must be an integer >= 5, got 4'],
    [{ adaptive: { initial: 2 } }, 'limit.adaptive.initial must be an integer >= 4 and <= 1000, got 2'],
    [{ adaptive: { tolerance: 2 } }, 'limit.adaptive.tolerance is not an option; known: initial, min, max'],
    [{ adaptive: null }, 'limit.adaptive must be an object, got null'],
    [{ adaptive: { min: null } }, 'limit.adaptive.min must be a number, got null'],
    [{ adaptive: { max: null } }, 'limit.adaptive.max must be a number, got null'],
    [{ adaptive: { max: 0 } }, 'limit.adaptive.max must be an integer >= 1, got 0'],
    [{ adaptive: { initial: null } }, 'limit.adaptive.initial must be a number, got null'],
    [5, 'limit must be an object, got 5'],
  ])('rejects %j', (options, message) => {
    expect(() => limiterOf(options as LimitOptions)).toThrow(message)
  })

  it.each<[LimitOptions, number]>([
    [{}, 20],
    [{ max: 'adaptive' }, 20],
    [{ adaptive: { min: 50 } }, 50],
    [{ adaptive: { max: 10 } }, 10],
    [{ adaptive: { max: 2 } }, 2],
    [{ adaptive: { min: 2_000 } }, 2_000],
    [{ adaptive: { initial: 7 } }, 7],
    [{ max: 3, queue: Infinity }, 3],
  ])('with %j, starts at %i', (options, limit) => {
    expect(limiterOf(options).limit).toBe(limit)
  })
})
