import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createClient, fixed, type ExecuteContext } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { collect } from '../support/events.ts'

/** What the function given to `execute` does in one try, `ms` after its start. */
interface Behaviour {
  readonly kind: 'answer' | 'busy' | 'overload' | 'fail' | 'throw' | 'hang' | 'deaf'
  readonly ms: number
}

interface Policy {
  readonly attempts: number
  readonly backoff: number
  readonly attempt: number
  readonly total: number
  readonly failureThreshold: number
  readonly hedge: false | { readonly after: number; readonly max: number }
}

const duration = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })

const policies: fc.Arbitrary<Policy> = fc.record({
  attempts: fc.integer({ min: 1, max: 5 }),
  backoff: fc.integer({ min: 0, max: 200 }),
  attempt: fc.oneof(duration(300), fc.constant(Infinity)),
  total: duration(1000),
  failureThreshold: fc.integer({ min: 1, max: 4 }),
  hedge: fc.oneof(
    fc.constant<false>(false),
    fc.record({ after: fc.integer({ min: 0, max: 300 }), max: fc.integer({ min: 1, max: 2 }) }),
  ),
})

const behaviours: fc.Arbitrary<Behaviour[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Behaviour['kind'][]>('answer', 'busy', 'overload', 'fail', 'throw', 'hang', 'deaf'),
    ms: fc.integer({ min: 0, max: 400 }),
  }),
  { minLength: 1, maxLength: 6 },
)

const AFTER_ALL = 10_000

it('a call settles once, within its deadline and its attempts, and leaves no load, permits or timers', async () => {
  await fc.assert(
    fc.asyncProperty(
      policies,
      behaviours,
      fc.oneof(duration(600), fc.constant(undefined)),
      fc.integer(),
      async (policy, script, abortAt, seed) => {
        const clock = new ManualClock({ seed })
        await using client = createClient({
          service: 'user-service',
          source: fixed(['http://a:1', 'http://b:1', 'http://c:1']),
          clock,
          retry: { attempts: policy.attempts, backoff: policy.backoff },
          timeout: { total: policy.total, attempt: policy.attempt },
          breaker: { failureThreshold: policy.failureThreshold },
          budget: { ratio: 1, minPerSecond: 1000 },
          hedge: policy.hedge,
        })
        const attempts = collect(client, 'attempt')
        await client.ready()
        const idle = clock.timers

        let tries = 0
        /** Timers of the script's own. */
        let sleeping = 0
        const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
          sleeping++
          await clock.sleep(ms, signal).finally(() => sleeping--)
        }
        const run = async (_instance: unknown, { signal }: ExecuteContext): Promise<unknown> => {
          const { kind, ms } = script[tries++ % script.length] as Behaviour
          if (kind === 'throw') throw new Error('at once')
          await sleep(kind === 'hang' ? AFTER_ALL / 2 : ms, kind === 'deaf' ? undefined : signal)
          if (kind === 'fail') throw new Error('later')
          if (kind === 'busy') return { status: 503 }
          return kind === 'overload' ? { status: 429 } : 'answer'
        }

        const controller = new AbortController()
        const reason = new Error('the caller')
        if (abortAt !== undefined) clock.timer(abortAt, () => controller.abort(reason))
        let settlements = 0
        let settledAt = Infinity
        let left = Infinity
        const settle = (): void => {
          settlements++
          settledAt = clock.now()
        }
        const call = client.execute(run, { signal: controller.signal }).then(settle, settle)
        for (let now = 0; now < 1100; now += 10) {
          await clock.advance(10)
          if (settlements > 0 && left === Infinity) {
            const pendingAbort = abortAt !== undefined && abortAt > clock.now() ? 1 : 0
            left = clock.timers - idle - sleeping - pendingAbort
          }
        }
        await call
        expect(settlements).toBe(1)
        expect(settledAt).toBeLessThanOrEqual(Math.min(policy.total, abortAt ?? Infinity))
        expect(left).toBe(0)
        const hedges = policy.hedge ? policy.hedge.max : 0
        expect(tries).toBeLessThanOrEqual(policy.attempts * (1 + hedges))

        await clock.advance(AFTER_ALL)
        expect(attempts).toHaveLength(tries)
        const { instances } = client.snapshot()
        for (const { inFlight, pending } of instances)
          expect({ inFlight, pending }).toEqual({ inFlight: 0, pending: 0 })
        const settled = instances.flatMap((instance) => Object.values(instance.settled))
        expect(settled.reduce((sum, count) => sum + count, 0)).toBe(tries)
        expect(clock.timers).toBe(idle)
      },
    ),
    { numRuns: 300 },
  )
})
