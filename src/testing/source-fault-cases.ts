import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { inspect } from 'node:util'
import { systemClock } from '../clock.ts'
import type { RegistryServer, SourceHarness, SuiteCase } from './harness.ts'
import { BAD_ANSWERS, assertSameSet, boundOf, someInstances, until, withHttpServer } from './suite-helpers.ts'
import { watched, type Watched } from './watched.ts'

/** An empty grace in ms that is longer than any case, because no instance may be lost during an outage. */
const KEEP = 3_600_000

/** Returns the cases for failures of the registry. Cases that the harness does not support are omitted. */
export function sourceFaultCases(harness: SourceHarness): SuiteCase[] {
  return [...outageCases(harness), ...frozenCases(harness), ...slowCases(harness), ...badAnswerCases(harness)]
}

function outageCases(harness: SourceHarness): SuiteCase[] {
  const { server } = harness
  if (!server) return []
  const three = someInstances(harness, 3)
  const outage = (data: boolean, after: (watch: Watched) => Promise<void>): Promise<void> =>
    watched(
      harness,
      three,
      async (watch) => {
        await watch.shows(three)
        await server.kill()
        try {
          await goesStale(watch, boundOf(harness))
          assertSameSet(harness, watch.discovery.instances, three)
        } finally {
          await server.restart({ data })
        }
        await recovers(watch, boundOf(harness))
        await after(watch)
      },
      { emptyGrace: KEEP },
    )
  return [
    {
      name: 'a registry that is killed keeps the last known instances in use, and the watch recovers when it is back with its data',
      run: () =>
        outage(true, async (watch) => {
          assertSameSet(harness, watch.discovery.instances, three)
          await harness.set(watch.service, three.slice(1))
          await watch.shows(three.slice(1))
        }),
    },
    {
      name: 'a registry that is back without its data removes no instance until heartbeats return',
      run: () =>
        outage(false, async (watch) => {
          assertSameSet(harness, watch.discovery.instances, three)
          await harness.set(watch.service, three.slice(1))
          await watch.shows(three.slice(1))
        }),
    },
  ]
}

function frozenCases(harness: SourceHarness): SuiteCase[] {
  const { server } = harness
  if (!server?.freeze || !server.thaw) return []
  const two = someInstances(harness, 2)
  return [
    {
      name: 'a frozen registry is detected, and the watch recovers when it runs again',
      run: () =>
        watched(
          harness,
          two,
          async (watch) => {
            await watch.shows(two)
            await server.freeze?.()
            try {
              await goesStale(watch, harness.frozenBound ?? boundOf(harness))
              assertSameSet(harness, watch.discovery.instances, two)
            } finally {
              await server.thaw?.()
            }
            await recovers(watch, boundOf(harness))
            await harness.set(watch.service, two.slice(1))
            await watch.shows(two.slice(1))
          },
          { emptyGrace: KEEP },
        ),
    },
  ]
}

/** How long the registry is stopped, and how long it then runs, in ms, again and again. */
const STUTTER = 50

async function stutter(server: RegistryServer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await server.freeze?.()
    await systemClock.sleep(STUTTER)
    await server.thaw?.()
    await systemClock.sleep(STUTTER)
  }
}

function slowCases(harness: SourceHarness): SuiteCase[] {
  const { server } = harness
  if (!server?.freeze || !server.thaw) return []
  const two = someInstances(harness, 2)
  return [
    {
      name: 'slow answers are accepted',
      run: () =>
        watched(harness, two, async (watch) => {
          const stop = new AbortController()
          const stuttering = stutter(server, stop.signal)
          // Prevents an unhandled rejection. The promise is awaited at the end.
          stuttering.catch(() => {})
          try {
            await watch.shows(two)
            await harness.set(watch.service, two.slice(1))
            await watch.shows(two.slice(1))
          } finally {
            stop.abort()
            await stuttering
          }
          assert.ok(
            watch.changes.every((instances) => instances.length > 0),
            'a slow answer was treated as an empty service',
          )
        }),
    },
  ]
}

function badAnswerCases(harness: SourceHarness): SuiteCase[] {
  if (!harness.sourceAt) return []
  const fails = (listener: RequestListener, bound: number) => (): Promise<void> =>
    withHttpServer(listener, (url) =>
      watched(
        harness,
        undefined,
        async (watch) => {
          await goesStale(watch, bound)
          assert.equal(
            watch.discovery.seen,
            false,
            `the answer was treated as a snapshot: ${inspect(watch.changes)}`,
          )
        },
        { source: harness.sourceAt?.(url) },
      ),
    )
  return [
    ...Object.entries(BAD_ANSWERS).map(([name, listener]) => ({
      name: `${name} is a failure, not an empty service`,
      run: fails(listener, boundOf(harness)),
    })),
    {
      name: 'a registry that never answers is a failure',
      run: fails(() => {}, harness.frozenBound ?? boundOf(harness)),
    },
  ]
}

function goesStale(watch: Watched, bound: number): Promise<void> {
  return until(
    bound,
    () => watch.stale.length > 0,
    () => 'the source did not report the failure of its registry',
  )
}

function recovers(watch: Watched, bound: number): Promise<void> {
  return until(
    bound,
    () => watch.recovered > 0,
    () => `no recovery, the last error: ${inspect(watch.discovery.error)}`,
  )
}
