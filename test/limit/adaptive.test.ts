import { describe, expect, it } from 'vitest'
import { Limiter } from '../../src/limit/limiter.ts'
import type { AdaptiveOptions } from '../../src/limit/policy.ts'
import type { Outcome } from '../../src/observe/events.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { load } from './server.ts'

const BASE = 50
/** Above its knee, a service that gets slower with load: twice the concurrency takes eight times as long. */
const collapsing = (knee: number) => (concurrent: number) => BASE * Math.max(1, (concurrent / knee) ** 3)
/** Above its knee, a service that queues: twice the concurrency takes twice as long, and no calls fail. */
const queueing = (knee: number) => (concurrent: number) => BASE * Math.max(1, concurrent / knee)

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

function setup(adaptive: AdaptiveOptions = {}, seed = 1): { clock: ManualClock; limiter: Limiter } {
  const clock = new ManualClock({ seed })
  return { clock, limiter: new Limiter({ adaptive }, clock) }
}

/** Three times the load that the service can handle. */
const pressure = (knee: number): number => (3 * knee * 1000) / BASE

describe('an adaptive limit', () => {
  describe.each([
    ['collapses', collapsing, 1.5],
    ['queues', queueing, 1.9],
  ] as const)('of a service that %s past its knee', (_how, service, above) => {
    it.each([4, 20, 100, 400])('finds the knee of 20 from a limit of %i', async (initial) => {
      const { clock, limiter } = setup({ initial })
      const behaviour = { duration: service(20), timeout: 1_000 }
      await load(limiter, clock, behaviour, {
        rate: pressure(20),
        ms: 10_000,
      })
      const { limits } = await load(limiter, clock, behaviour, {
        rate: pressure(20),
        ms: 30_000,
      })
      expect(median(limits)).toBeGreaterThanOrEqual(20)
      expect(median(limits)).toBeLessThanOrEqual(20 * above)
    })

    it.each([
      [20, 5],
      [5, 20],
      [10, 80],
      [80, 10],
    ])('follows the knee from %i to %i', async (from, to) => {
      const { clock, limiter } = setup()
      await load(limiter, clock, { duration: service(from), timeout: 1_000 }, { rate: 4_800, ms: 10_000 })
      const behaviour = { duration: service(to), timeout: 1_000 }
      await load(limiter, clock, behaviour, { rate: pressure(to), ms: 15_000 })
      const { limits } = await load(limiter, clock, behaviour, {
        rate: pressure(to),
        ms: 30_000,
      })
      expect(median(limits)).toBeGreaterThanOrEqual(to * 0.9)
      expect(median(limits)).toBeLessThanOrEqual(to * above + 1)
    })
  })

  it('works with durations that vary a lot', async () => {
    const { clock, limiter } = setup()
    const exponential = (concurrent: number): number =>
      collapsing(20)(concurrent) * -Math.log(1 - clock.random())
    const behaviour = { duration: exponential, timeout: 1_000 }
    await load(limiter, clock, behaviour, { rate: pressure(20), ms: 10_000 })
    const { limits } = await load(limiter, clock, behaviour, {
      rate: pressure(20),
      ms: 60_000,
    })
    expect(median(limits)).toBeGreaterThan(16)
    expect(median(limits)).toBeLessThan(30)
  })

  it('is not changed by a few calls that take a hundred times longer', async () => {
    const { clock, limiter } = setup({ initial: 40, max: 60 })
    const duration = (): number => (clock.random() < 0.02 ? 5_000 : BASE)
    const { limits } = await load(limiter, clock, { duration }, { rate: 1_000, ms: 60_000 })
    expect(Math.max(...limits)).toBe(60)
    expect(median(limits)).toBeGreaterThan(50)
  })

  it('adapts when the service itself becomes slower', async () => {
    const { clock, limiter } = setup({ max: 100 })
    await load(limiter, clock, { duration: () => BASE }, { rate: 4_000, ms: 10_000 })
    expect(limiter.limit).toBeGreaterThan(90)
    const slower = { duration: () => BASE * 5 }
    const { limits } = await load(limiter, clock, slower, {
      rate: 4_000,
      ms: 60_000,
    })
    expect(Math.min(...limits)).toBeLessThan(20)
    expect(limits.at(-1)).toBe(100)
  })

  it('keeps the limit of an idle client, whatever the results of its few calls', async () => {
    const { clock, limiter } = setup()
    for (const outcome of ['success', 'failure', 'overload'] as const) {
      const duration = (): number => 1 + clock.random() * 200
      const { limits } = await load(
        limiter,
        clock,
        { duration, outcome: () => outcome },
        { rate: 10, ms: 300_000 },
      )
      expect(new Set(limits)).toEqual(new Set([20]))
    }
  })

  it('does not grow far above what is in use', async () => {
    const { clock, limiter } = setup({ initial: 4 })
    // On average 10 in flight, and rarely 25.
    const behaviour = { duration: () => BASE }
    const { limits, refused } = await load(limiter, clock, behaviour, {
      rate: 200,
      ms: 120_000,
    })
    expect(limits.at(-1)).toBeGreaterThan(15)
    expect(Math.max(...limits)).toBeLessThan(40)
    expect(refused).toBeLessThan(200)
  })

  it('makes few and short probes', async () => {
    // On average 30 in flight, and never so few that no probe is needed.
    const { clock, limiter } = setup({ initial: 40, max: 40 })
    const behaviour = { duration: () => BASE }
    await load(limiter, clock, behaviour, { rate: 600, ms: 60_000 })
    const { started, refused, limits } = await load(limiter, clock, behaviour, {
      rate: 600,
      ms: 300_000,
    })
    const probing = limits.filter((limit) => limit === 20).length
    expect(new Set(limits)).toEqual(new Set([20, 40]))
    expect(probing / limits.length).toBeLessThan(0.01)
    expect(refused / (started + refused)).toBeLessThan(0.02)
  })

  it.each<[string, Outcome, number, number | undefined]>([
    ['overload lowers the limit', 'overload', 10, 4],
    ['failures that took longer than responses usually do lower the limit', 'failure', BASE * 2, 4],
    ['quick failures do not change the limit', 'failure', 5, undefined],
    ['ignored calls do not change the limit', 'ignored', BASE * 2, undefined],
  ])('%s', async (_rule, outcome, duration, expected) => {
    const { clock, limiter } = setup({ initial: 50, max: 50 })
    await load(limiter, clock, { duration: () => BASE }, { rate: 2_000, ms: 900 })
    expect(limiter.limit).toBe(50)
    const behaviour = { duration: () => duration, outcome: () => outcome }
    await load(limiter, clock, behaviour, {
      rate: 100_000 / duration,
      ms: 5_000,
    })
    expect(limiter.limit).toBe(expected ?? 50)
  })

  it('shrinks in proportion to the share of refusals', async () => {
    const refusing = async (share: number): Promise<number> => {
      const { clock, limiter } = setup({ initial: 100, max: 100 })
      const outcome = (): Outcome => (clock.random() < share ? 'overload' : 'success')
      const { limits } = await load(
        limiter,
        clock,
        { duration: () => BASE, outcome },
        { rate: 4_000, ms: 900 },
      )
      return Math.min(...limits)
    }
    expect(await refusing(0.01)).toBeGreaterThan(95)
    expect(await refusing(0.5)).toBeLessThan(50)
  })

  it.each<[AdaptiveOptions, number]>([
    [{ min: 7 }, 7],
    [{ min: 1 }, 1],
  ])('with %j, never goes below %i', async (adaptive, least) => {
    const { clock, limiter } = setup(adaptive)
    const behaviour = {
      duration: () => BASE,
      outcome: () => 'overload' as const,
    }
    const { limits } = await load(limiter, clock, behaviour, {
      rate: 1_000,
      ms: 10_000,
    })
    expect(Math.min(...limits)).toBe(least)
  })

  describe('whose limit grows by several places at a time', () => {
    /** Four calls in flight and several waiting. Each call that ends starts another one. */
    function busy(waiting: number, onGrant: (limiter: Limiter) => void): ReturnType<typeof setup> {
      const clock = new ManualClock()
      const limiter = new Limiter({ queue: waiting, adaptive: { initial: 4 } }, clock)
      const next = (): void => {
        limiter.enqueue(
          'default',
          (permit) => {
            onGrant(limiter)
            clock.timer(BASE, () => {
              next()
              permit.release('success', BASE)
            })
          },
          () => {},
        )
      }
      for (let i = 0; i < waiting; i++) next()
      return { clock, limiter }
    }

    it('starts as many waiting calls', async () => {
      const { clock, limiter } = busy(50, () => {})
      await clock.advance(900)
      expect(limiter.limit).toBeGreaterThan(4)
      expect(limiter.inFlight).toBe(limiter.limit)
      expect(limiter.inFlight + limiter.queued).toBe(50)
    })

    it('lets a call started from the first callback overtake waiting calls only if it is more important', async () => {
      const overtook = { default: 0, sheddable: 0, critical: 0 }
      const { clock } = busy(50, (limiter) => {
        if (limiter.limit === 4) return
        for (const priority of ['default', 'sheddable', 'critical'] as const) {
          const permit = limiter.tryAcquire(priority)
          if (permit) overtook[priority]++
          permit?.release('ignored', 0)
        }
      })
      await clock.advance(900)
      expect(overtook).toMatchObject({ default: 0, sheddable: 0 })
      expect(overtook.critical).toBeGreaterThan(0)
    })
  })
})
