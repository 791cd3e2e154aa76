import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { VERDICTS } from '../../src/verdict/verdict.ts'
import { Harness } from './harness.ts'

interface Script {
  readonly instances: number
  /** Milliseconds between two calls. */
  readonly gaps: readonly number[]
}

const scripts = fc.record({
  instances: fc.integer({ min: 1, max: 12 }),
  gaps: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 200, maxLength: 600 }),
})

/** A fleet that has just failed altogether: every breaker is open. */
function failed(instances: number): Harness {
  const harness = new Harness({
    whenAllOpen: 'throttle',
    breaker: { failureThreshold: 1, openFor: { initial: 1e9 } },
  })
  harness.apply(...Array.from({ length: instances }, (_, index) => `i${index}`))
  for (const endpoint of harness.fleet.endpoints)
    endpoint.breaker(harness.guards[0]!).force(0, 1e9, 'outlier')
  return harness
}

/** Plays the calls; each ends at once as `isWell` says. Returns when calls were made, and who took each. */
async function play(
  { instances, gaps }: Script,
  isWell: (now: number) => boolean,
): Promise<readonly { at: number; id: string | undefined }[]> {
  const harness = failed(instances)
  const calls: { at: number; id: string | undefined }[] = []
  for (const gap of gaps) {
    await harness.clock.advance(gap)
    const at = harness.clock.now()
    calls.push({ at, id: harness.run(isWell(at) ? 'success' : 'failure') })
  }
  return calls
}

const taken = (calls: readonly { id: string | undefined }[]): number =>
  calls.filter(({ id }) => id !== undefined).length

test('at least a tenth of the calls, and at least one a second, are let through', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.nat(100), async (script, from) => {
      const calls = await play(script, () => false)
      expect(taken(calls.slice(from))).toBeGreaterThanOrEqual(Math.floor((calls.length - from) / 10))
      let last = 0
      for (const { at, id } of calls) {
        // A call that comes a second after the last one that was let through is let through.
        if (id === undefined) expect(at - last).toBeLessThan(1_000)
        else last = at
      }
    }),
    { numRuns: 60 },
  )
})

test('at most a tenth of the calls plus one a second are let through while all are down', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const calls = await play(script, () => false)
      const seconds = (calls.at(-1)?.at ?? 0) / 1_000
      expect(taken(calls)).toBeLessThanOrEqual(0.1 * calls.length + seconds + 1)
      // Where calls are many, the tenth is all there is.
      const busy = await play({ ...script, gaps: script.gaps.map((gap) => gap % 20) }, () => false)
      expect(taken(busy)).toBeLessThanOrEqual(0.15 * busy.length)
    }),
    { numRuns: 60 },
  )
})

test('if one response in fifty is good, at most 15 % of the calls are let through', async () => {
  const script = { instances: 3, gaps: Array.from({ length: 5_000 }, () => 3) }
  let asked = 0
  const calls = await play(script, () => asked++ % 50 === 49)
  expect(taken(calls)).toBeLessThanOrEqual(0.15 * calls.length)
})

test('failures after a success lower the share again, and so does a body that is cut short', () => {
  for (const ends of [
    (attempt: ReturnType<Harness['acquire']>) => attempt?.settle(VERDICTS.bad),
    (attempt: ReturnType<Harness['acquire']>) => {
      attempt?.settle(VERDICTS.good)
      attempt?.amend(VERDICTS.truncated)
    },
  ]) {
    const harness = failed(3)
    const begun = Array.from({ length: 20 }, () => harness.acquire()).filter(
      (attempt) => attempt !== undefined,
    )
    expect(begun).toHaveLength(2)
    begun[0]?.settle(VERDICTS.good)
    const all = [harness.acquire(), harness.acquire()]
    expect(all.every((attempt) => attempt !== undefined)).toBe(true)
    ends(all[0])
    const tries = Array.from({ length: 100 }, () => harness.run('failure'))
    expect(tries.filter((id) => id !== undefined).length).toBeLessThanOrEqual(30)
    const later = Array.from({ length: 100 }, () => harness.run('failure'))
    expect(later.filter((id) => id !== undefined).length).toBeLessThanOrEqual(12)
  }
})

test('early probes go to all endpoints in turn', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const calls = await play(script, () => false)
      const counts = Map.groupBy(
        calls.flatMap(({ id }) => id ?? []),
        (id) => id,
      )
      const each = [...counts.values()].map(({ length }) => length)
      expect(
        Math.max(...each) - (counts.size < script.instances ? 0 : Math.min(...each)),
      ).toBeLessThanOrEqual(1)
    }),
    { numRuns: 60 },
  )
})

test('a probe notices within 1.5 s that a service has recovered, and from then on all calls are let through', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.integer({ min: 1_000, max: 20_000 }), async (script, backAt) => {
      const calls = await play(script, (now) => now >= backAt)
      const after = calls.filter(({ at }) => at >= backAt)
      const found = after.find(({ id }) => id !== undefined)
      if (after.length > 0 && (after.at(-1)?.at ?? 0) >= backAt + 1_500) {
        expect((found?.at ?? Infinity) - backAt).toBeLessThanOrEqual(1_500)
      }
      // The first success lets all through.
      if (found) expect(after.filter(({ at, id }) => at > found.at && id === undefined)).toEqual([])
    }),
    { numRuns: 60 },
  )
})

test('an isolated instance gets no early probe, and one that asked for a pause gets them', () => {
  const harness = failed(3)
  const guard = harness.guards[0]!
  const [isolated, paused] = harness.fleet.endpoints
  isolated?.breaker(guard).isolate()
  const early = Array.from({ length: 40 }, () => harness.acquire()).filter((attempt) => attempt !== undefined)
  expect(new Set(early.map(({ instance }) => instance.id))).toEqual(new Set(['i1', 'i2']))
  early.find(({ endpoint }) => endpoint === paused)?.settle(VERDICTS.busy, 0, 60_000)
  for (const attempt of early) attempt.release()
  const later = Array.from({ length: 40 }, () => harness.run('failure')).filter((id) => id !== undefined)
  expect(new Set(later)).toEqual(new Set(['i1', 'i2']))
})

test('a success with a body that breaks its contract closes no breaker', () => {
  const harness = failed(1)
  for (let call = 0; call < 200; call++) {
    const attempt = harness.acquire()
    attempt?.settle(VERDICTS.good)
    attempt?.amend(VERDICTS.breach)
    attempt?.release()
  }
  expect(harness.fleet.endpoints[0]?.isInstanceBreakerClosed()).toBe(false)
  expect(harness.fleet.endpoints[0]?.settled).toMatchObject({ failure: 20, success: 0 })
})
