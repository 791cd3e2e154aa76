import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Limiter, type Permit, type Ticket } from '../../src/limit/limiter.ts'
import { PRIORITIES, type Priority } from '../../src/limit/priority.ts'
import { ManualClock } from '../../src/testing/clock.ts'

interface Entry {
  readonly id: number
  readonly priority: Priority
}

/** The rules in a simple form: a sorted array, without regard to speed. */
class SlowLimiter {
  inFlight: number[] = []
  queue: Entry[] = []
  readonly log: string[] = []
  readonly max: number
  readonly places: number

  constructor(max: number, places: number) {
    this.max = max
    this.places = places
  }

  tryAcquire(entry: Entry): boolean {
    const isOvertaking = this.queue.some((other) => rank(other) <= rank(entry))
    if (isOvertaking || !this.#fits(entry)) return false
    this.inFlight.push(entry.id)
    return true
  }

  enqueue(entry: Entry): void {
    if (this.queue.length === this.places) {
      const last = this.queue.at(-1)
      if (!last || rank(last) <= rank(entry)) {
        this.log.push(`refused ${entry.id}`)
        return
      }
      this.queue.pop()
      this.log.push(`evicted ${last.id}`)
    }
    this.queue = [...this.queue, entry].toSorted((a, b) => rank(a) - rank(b) || a.id - b.id)
    this.#advance()
  }

  leave(id: number): void {
    this.queue = this.queue.filter((entry) => entry.id !== id)
  }

  release(id: number): void {
    if (!this.inFlight.includes(id)) return
    this.inFlight = this.inFlight.filter((other) => other !== id)
    this.#advance()
  }

  #fits({ priority }: Entry): boolean {
    const share = priority === 'sheddable' ? Math.max(Math.floor(this.max * 0.8), 1) : this.max
    return this.inFlight.length < share
  }

  #advance(): void {
    for (let first = this.queue[0]; first && this.#fits(first); first = this.queue[0]) {
      this.queue.shift()
      this.inFlight.push(first.id)
      this.log.push(`granted ${first.id}`)
    }
  }
}

/** `expect` is slow when it is called a million times. */
function same(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`)
}

function rank({ priority }: Entry): number {
  return PRIORITIES.indexOf(priority)
}

const priority = fc.constantFrom(...PRIORITIES)
const which = fc.nat({ max: 30 })
type Step =
  | { do: 'call'; priority: Priority }
  | { do: 'enqueue'; priority: Priority }
  | { do: 'release'; which: number }
  | { do: 'leave'; which: number }
const step = fc.oneof<fc.WeightedArbitrary<Step>[]>(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('call'), priority }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('enqueue'), priority }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release'), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave'), which }) },
)

test('a limiter behaves like its slow model', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.nat({ max: 5 }),
      fc.array(step, { maxLength: 150, size: 'large' }),
      (max, queue, steps) => {
        const limiter = new Limiter({ max, queue }, new ManualClock())
        const model = new SlowLimiter(max, queue)
        const log: string[] = []
        const permits = new Map<number, Permit>()
        const tickets = new Map<number, Ticket>()
        for (const [id, step] of steps.entries()) {
          if (step.do === 'release') {
            const target = [...permits.keys()].at(-1 - step.which)
            if (target === undefined) continue
            permits.get(target)?.release('success', 1)
            model.release(target)
          } else if (step.do === 'leave') {
            const target = [...tickets.keys()].at(-1 - step.which)
            if (target === undefined) continue
            tickets.get(target)?.leave()
            model.leave(target)
          } else {
            const entry = { id, priority: step.priority }
            const permit = step.do === 'call' ? limiter.tryAcquire(step.priority) : undefined
            same(permit !== undefined, step.do === 'call' && model.tryAcquire(entry))
            if (permit) permits.set(id, permit)
            else {
              model.enqueue(entry)
              try {
                const ticket = limiter.enqueue(
                  step.priority,
                  (granted) => {
                    log.push(`granted ${id}`)
                    permits.set(id, granted)
                  },
                  () => log.push(`evicted ${id}`),
                )
                tickets.set(id, ticket)
              } catch {
                log.push(`refused ${id}`)
              }
            }
          }
          same(limiter.inFlight, model.inFlight.length)
          same(limiter.queued, model.queue.length)
        }
        expect(log).toEqual(model.log)
      },
    ),
    { numRuns: 300 },
  )
})
