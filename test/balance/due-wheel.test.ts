import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DueWheel, type Slot } from '../../src/balance/due-wheel.ts'
import { endpoint, requests } from './harness.ts'

/** A simple and slow model of the wheel. */
function soonest(slots: readonly Slot[], tried: ReadonlySet<Slot>): number | undefined {
  const left = slots.filter((slot) => !tried.has(slot))
  const open = left.length > 0 ? left : slots
  return Math.min(...open.map(({ due }) => due))
}

const weights = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.double({ min: 0.001, max: 1000, noNaN: true }),
  fc.constantFrom(0, 1e15, Number.MAX_VALUE),
)

const scenario = fc.record({
  slots: fc.array(fc.record({ weight: weights, due: fc.double({ min: 0, max: 3, noNaN: true }) }), {
    minLength: 1,
    maxLength: 20,
  }),
  steps: fc.array(
    fc.record({
      set: fc.nat(2),
      tried: fc.oneof(
        { weight: 4, arbitrary: fc.constant<number[]>([]) },
        fc.array(fc.nat(19), { maxLength: 3 }),
      ),
      later: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 500, noNaN: true })),
    }),
    { maxLength: 200 },
  ),
})

describe('DueWheel', () => {
  it('returns the untried slot that is due first, whatever other sets have done to the slots they share', () => {
    fc.assert(
      fc.property(scenario, ({ slots: given, steps }) => {
        const slots = given.map(({ weight, due }, index): Slot => {
          return { endpoint: endpoint(`e${index}`, { weight }), due }
        })
        // Three sets: all slots, every other one, and a single one.
        const sets = [slots, slots.filter((_, index) => index % 2 === 0), slots.slice(0, 1)]
        const wheels = sets.map((set) => new DueWheel(set))
        const request = requests()
        for (const { set, tried: indices, later } of steps) {
          const tried = new Set(indices.flatMap((index) => slots[index] ?? []))
          const slot = wheels[set]?.next(request({ tried: [...tried].map((one) => one.endpoint) }))
          expect(slot?.due).toBe(soonest(sets[set] ?? [], tried))
          if (slot) slot.due += later / Math.max(slot.endpoint.weight, 1e-6)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('returns nothing when it is empty', () => {
    expect(new DueWheel([]).next(requests()())).toBeUndefined()
  })

  it('examines only a few slots, also among ten thousand of different weights', () => {
    let looks = 0
    const slots = Array.from({ length: 10_000 }, (_, index): Slot => {
      const weight = 1 + (index % 7)
      let due = ((index * 0.618) % 1) / weight
      return {
        endpoint: endpoint(`e${index}`, { weight }),
        get due() {
          looks++
          return due
        },
        set due(later) {
          due = later
        },
      }
    })
    const wheel = new DueWheel(slots)
    const request = { ...requests()(), excluded: () => false }
    const picks = 30_000
    looks = 0
    for (let pick = 0; pick < picks; pick++) {
      const slot = wheel.next(request)
      if (slot) slot.due += 1 / slot.endpoint.weight
    }
    expect(looks / picks).toBeLessThan(20)
  })
})
