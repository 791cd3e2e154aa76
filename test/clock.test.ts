import { describe, expect, it } from 'vitest'
import { startTimer, systemClock, type Clock } from '../src/clock.ts'
import { ManualClock } from '../src/testing/clock.ts'

describe('ManualClock', () => {
  it('runs timers in time order and settles promises between them', async () => {
    const clock = new ManualClock()
    const seen: string[] = []
    clock.timer(20, () => seen.push(`b@${clock.now()}`))
    clock.timer(10, () => seen.push(`a@${clock.now()}`))
    clock.timer(15, () => seen.push('cancelled'))()
    void clock.sleep(10).then(async () => {
      await clock.sleep(5)
      seen.push(`nested@${clock.now()}`)
    })
    await clock.advance(30)
    expect(seen).toEqual(['a@10', 'nested@15', 'b@20'])
    expect(clock.now()).toBe(30)
    expect(clock.timers).toBe(0)
  })

  it('gives the same randomness for the same seed', () => {
    const draw = (seed: number): number[] => {
      const clock = new ManualClock({ seed })
      return [clock.random(), clock.random(), clock.random()]
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })
})

describe.each([
  ['system', (): Clock => systemClock],
  [
    'one without timer()',
    (): Clock => ({ now: systemClock.now, sleep: systemClock.sleep, random: systemClock.random }),
  ],
])('the %s clock', (_name, make) => {
  it('rejects a sleep with the reason of the abort, before and during', async () => {
    const reason = new Error('stop')
    await expect(make().sleep(1000, AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const sleeping = make().sleep(60_000, controller.signal)
    controller.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
  })

  it('starts timers that can be cancelled', async () => {
    const seen: string[] = []
    const cancel = startTimer(make(), 1, () => seen.push('cancelled'))
    cancel()
    await new Promise<void>((resolve) => {
      startTimer(make(), 5, resolve)
    })
    expect(seen).toEqual([])
  })
})
