import assert from 'node:assert/strict'
import { systemClock } from '../clock.ts'
import type { Instance, Source } from '../registry/source.ts'
import type { SourceHarness, SuiteCase } from './harness.ts'
import { sourceFaultCases } from './source-fault-cases.ts'
import { boundOf, freshService, sameSet, someInstances, until, within } from './suite-helpers.ts'
import { watched } from './watched.ts'

/** Returns every case as data, for a test runner that {@link sourceSuite} does not support. */
export function sourceCases(harness: SourceHarness): SuiteCase[] {
  return [...snapshotCases(harness), ...abortCases(harness), ...sourceFaultCases(harness)]
}

function snapshotCases(harness: SourceHarness): SuiteCase[] {
  const three = someInstances(harness, 3)
  const [first, second] = three as [Instance, Instance, Instance]
  return [
    {
      name: 'the first snapshot contains the registered instances',
      run: () => watched(harness, three, (watch) => watch.shows(three)),
    },
    {
      name: 'a service without instances is an empty snapshot',
      run: () => watched(harness, [], (watch) => watch.shows([])),
    },
    {
      name: 'an unknown service is an empty snapshot',
      run: () => watched(harness, undefined, (watch) => watch.shows([])),
    },
    {
      name: 'an instance that is added appears',
      run: () =>
        watched(harness, [first], async (watch) => {
          await watch.shows([first])
          await harness.set(watch.service, [first, second])
          await watch.shows([first, second])
        }),
    },
    {
      name: 'an instance that is removed disappears',
      run: () =>
        watched(harness, [first, second], async (watch) => {
          await watch.shows([first, second])
          await harness.set(watch.service, [second])
          await watch.shows([second])
        }),
    },
    {
      name: 'an instance that changes has its new fields',
      run: () =>
        watched(harness, [first, second], async (watch) => {
          await watch.shows([first, second])
          await harness.set(watch.service, [first, change(harness, second)])
          await watch.shows([first, change(harness, second)])
        }),
    },
    {
      name: 'a different order is not a change',
      run: () =>
        watched(harness, three, async (watch) => {
          await watch.shows(three)
          await harness.set(watch.service, three.toReversed())
          await harness.set(watch.service, [second, first])
          await watch.shows([first, second])
          const seen = watch.changes.filter((instances) => sameSet(harness, instances, three))
          assert.equal(seen.length, 1, 'the same instances were passed on more than once')
        }),
    },
    {
      name: 'the last instance disappears and others appear',
      run: () =>
        watched(harness, [first], async (watch) => {
          await watch.shows([first])
          await harness.set(watch.service, [])
          await watch.shows([])
          await harness.set(watch.service, [second])
          await watch.shows([second])
        }),
    },
    {
      name: 'ten services at once do not affect each other',
      run: async () => {
        const source = harness.source()
        const ten = someInstances(harness, 10)
        await Promise.all(
          ten.map((instance) => watched(harness, [instance], (watch) => watch.shows([instance]), { source })),
        )
      },
    },
    {
      name: 'many instances arrive complete',
      run: () => {
        const many = someInstances(harness, harness.many ?? 1000)
        return watched(harness, many, (watch) => watch.shows(many))
      },
    },
  ]
}

/** Returns the instance with a change in a field that this registry can store. */
function change(harness: SourceHarness, instance: Instance): Instance {
  const fields = harness.fields ?? ['weight']
  if (fields.includes('weight')) return { ...instance, weight: 7 }
  if (fields.includes('metadata')) return { ...instance, metadata: { version: '2' } }
  return { ...instance, url: someInstances(harness, 10)[9]?.url ?? instance.url }
}

function abortCases(harness: SourceHarness): SuiteCase[] {
  const bound = boundOf(harness)
  const two = someInstances(harness, 2)
  const points: Record<string, (next: () => Promise<unknown>, abort: () => void) => Promise<void>> = {
    'before the watch': async (_next, abort) => abort(),
    'before the first snapshot': async (next, abort) => {
      const pending = next()
      abort()
      await pending
    },
    'after the first snapshot': async (next, abort) => {
      await next()
      abort()
    },
    'while waiting for a change': async (next, abort) => {
      await next()
      const pending = next()
      await systemClock.sleep(20)
      abort()
      await pending
    },
  }
  return [
    ...Object.entries(points).map(([point, play]) => ({
      name: `an abort ${point} ends the watch and leaves nothing behind`,
      run: async (): Promise<void> => {
        const source = harness.source()
        const service = freshService()
        await harness.set(service, two)
        const round = (): Promise<void> => abortOnce(source, service, bound, play)
        // The first round opens what the source shares between watches, such as a connection.
        await round()
        const before = process.getActiveResourcesInfo().length
        for (let n = 0; n < 20; n++) await round()
        await until(
          bound,
          () => process.getActiveResourcesInfo().length < before + 10,
          () => `twenty aborted watches left ${process.getActiveResourcesInfo().join(', ')}`,
        )
        await harness.set(service, [])
      },
    })),
    {
      name: 'Discovery closes at once, and twice',
      run: () =>
        watched(harness, two, async ({ discovery, shows }) => {
          await shows(two)
          await within(900, 'close()', discovery.close())
          await discovery.close()
        }),
    },
  ]
}

async function abortOnce(
  source: Source,
  service: string,
  bound: number,
  play: (next: () => Promise<unknown>, abort: () => void) => Promise<void>,
): Promise<void> {
  const controller = new AbortController()
  const iterator = source.watch(service, { signal: controller.signal })[Symbol.asyncIterator]()
  const next = async (): Promise<boolean> => {
    try {
      return (await iterator.next()).done === true
    } catch (error) {
      // After the abort, the watch may also end by throwing.
      if (!controller.signal.aborted) throw error
      return true
    }
  }
  await within(
    bound,
    'the watch',
    play(next, () => controller.abort(new Error('enough'))),
  )
  // Snapshots that were in progress at the abort may still arrive.
  for (let n = 0; n < 3; n++) if (await within(bound, 'the end of the watch', next())) return
  assert.fail('the watch went on after the abort')
}
