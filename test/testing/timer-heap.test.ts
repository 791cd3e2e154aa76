import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TimerHeap } from '../../src/testing/timer-heap.ts'

/** The expected order of timers: by time, and timers with the same time in the order in which they were set. */
interface Planned {
  readonly at: number
  readonly order: number
  readonly cancel: () => void
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ until: fc.integer({ min: 0, max: 25 }) }) },
)

describe('TimerHeap', () => {
  it('returns timers in the order of a sorted list, after any sequence of additions and cancellations', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const heap = new TimerHeap()
        const ran: number[] = []
        const expected: number[] = []
        const all: Planned[] = []
        let planned: Planned[] = []
        for (const [order, each] of steps.entries()) {
          if ('add' in each) {
            all.push({ at: each.add, order, cancel: heap.add(each.add, () => ran.push(order)) })
            planned = [...planned, ...all.slice(-1)]
          } else if ('cancel' in each) {
            // Also cancels a timer that has run or was cancelled before, which does nothing.
            const victim = all[each.cancel % all.length]
            victim?.cancel()
            planned = planned.filter((other) => other !== victim)
          } else {
            const due = planned
              .filter(({ at }) => at <= each.until)
              .toSorted((a, b) => a.at - b.at || a.order - b.order)
            expected.push(...due.map((timer) => timer.order))
            planned = planned.filter((other) => !due.includes(other))
            for (let timer = heap.next(each.until); timer; timer = heap.next(each.until)) timer.run()
          }
          expect(heap.size).toBe(planned.length)
        }
        expect(ran).toEqual(expected)
      }),
    )
  })
})
