import { describe, expect, it } from 'vitest'
import { createWindow } from '../../src/breaker/window.ts'

/** The same numbers in each run. */
function* numbers(): Generator<number, never> {
  let seed = 12_345
  for (;;) yield (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >> 8
}

describe('a window of calls', () => {
  it.each([1, 2, 4, 5, 9, 16])('of %i contains that many results, also amended ones', (size) => {
    const window = createWindow({ calls: size })
    const next = numbers()
    const random = (below: number): number => next.next().value % below
    let model: { failed: boolean; slow: boolean }[] = []
    for (let step = 0; step < 600; step++) {
      const failed = random(3) === 0
      const slow = random(4) === 0
      window.record(failed, slow)
      model = [...model, { failed, slow }].slice(-size)
      const age = random(size + 3)
      const amended = model.at(-1 - age)
      if (step % 3 === 0 && amended?.failed !== true) {
        window.amend(age)
        if (amended) amended.failed = true
      }
      expect({ ...counts(window), step }).toEqual({
        calls: model.length,
        failures: model.filter((each) => each.failed).length,
        slow: model.filter((each) => each.slow).length,
        step,
      })
      if (step === 300) {
        window.clear()
        model = []
        expect(counts(window)).toEqual({ calls: 0, failures: 0, slow: 0 })
      }
    }
  })
})

describe('a window of time', () => {
  it('begins a new tenth exactly at its boundary, and drops the oldest tenth completely', () => {
    const window = createWindow({ ms: 1_000 })
    window.expire(0)
    window.record(true, false)
    window.expire(100)
    window.record(false, true)
    window.expire(999)
    expect(counts(window)).toEqual({ calls: 2, failures: 1, slow: 1 })
    window.expire(1_000)
    expect(counts(window)).toEqual({ calls: 1, failures: 0, slow: 1 })
    window.expire(1_099)
    expect(window.calls).toBe(1)
    window.expire(1_100)
    expect(counts(window)).toEqual({ calls: 0, failures: 0, slow: 0 })
  })

  it('amends a result in the tenth in which it was recorded', () => {
    const window = createWindow({ ms: 1_000 })
    for (const at of [0, 100, 200]) {
      window.expire(at)
      window.record(false, false)
    }
    window.amend(2)
    window.amend(3)
    expect(counts(window)).toEqual({ calls: 3, failures: 1, slow: 0 })
    window.expire(999)
    expect(window.failures).toBe(1)
    window.expire(1_000)
    expect(counts(window)).toEqual({ calls: 2, failures: 0, slow: 0 })
  })
})

function counts({ calls, failures, slow }: ReturnType<typeof createWindow>): object {
  return { calls, failures, slow }
}
