import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { firstOf, mapInstances, merge } from '../../src/registry/combine.ts'
import type { CombineOptions } from '../../src/registry/combine.ts'
import type { Instance, Source } from '../../src/registry/source.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { sourceSuite } from '../../src/testing/source-suite.ts'
import { HandSource, instance, record, type Recording } from './combine-support.ts'
import { waitFor } from '../support/wait-for.ts'

// A case of the suite waits up to 10 s for a change, several times.
vi.setConfig({ testTimeout: 30_000 })

const silent: Source = {
  async *watch(_service, { signal }) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    yield* []
  },
}
const down: Source = {
  async *watch() {
    yield* []
    throw new Error('down')
  },
}

function combine(
  make: typeof firstOf,
  sources: readonly [Source, ...Source[]],
  options: CombineOptions = {},
): { clock: ManualClock; recording: Recording } {
  const clock = new ManualClock()
  const recording = record(make(...sources, { clock, ...options }))
  onTestFinished(() => recording.abort())
  return { clock, recording }
}

describe('firstOf', () => {
  test('uses the first source while that has instances', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(firstOf, [a, b])
    b.push('b1')
    await clock.advance(0)
    expect(recording.ids).toEqual([])
    a.push('a1')
    await clock.advance(0)
    b.push('b2')
    await clock.advance(60_000)
    expect(recording.ids).toEqual([['a1']])
    expect(a.services).toEqual(['users'])
  })

  test('does not wait for a first source that fails or is empty at the start', async () => {
    const [empty, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(firstOf, [down, empty, b])
    empty.push()
    b.push('b1')
    await clock.advance(0)
    expect(recording.ids).toEqual([['b1']])
  })

  test('uses the next source when the first is silent for patience, and the first one once it answers', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(firstOf, [a, b], { patience: 100 })
    b.push('b1')
    await clock.advance(99)
    expect(recording.ids).toEqual([])
    await clock.advance(1)
    a.push('a1')
    await clock.advance(0)
    expect(recording.ids).toEqual([['b1'], ['a1']])
  })

  test('ignores a short failure of the first source, falls back in a long one, and returns afterwards', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(firstOf, [a, b], { patience: 2_000 })
    a.push('a1')
    b.push('b1')
    await clock.advance(0)
    a.now.fail(new Error('blip'))
    await clock.advance(1_000)
    a.push('a1')
    await clock.advance(60_000)
    expect(recording.ids).toEqual([['a1']])

    a.now.fail(new Error('outage'))
    await clock.advance(1_999)
    expect(recording.ids).toEqual([['a1']])
    await clock.advance(1)
    expect(recording.ids).toEqual([['a1'], ['b1']])

    await clock.advance(60_000)
    a.push('a1', 'a2')
    await clock.advance(0)
    expect(recording.ids).toEqual([['a1'], ['b1'], ['a1', 'a2']])
  })

  test('falls back when the first source is empty for patience, or at once with emptyGrace 0', async () => {
    for (const [emptyGrace, after] of [
      [undefined, 2_000],
      [0, 0],
    ] as const) {
      const [a, b] = [new HandSource(emptyGrace === undefined ? {} : { emptyGrace }), new HandSource()]
      const { clock, recording } = combine(firstOf, [a, b])
      a.push('a1')
      b.push('b1')
      await clock.advance(0)
      a.push()
      await clock.advance(after)
      expect(recording.ids).toEqual([['a1'], ['b1']])
    }
  })

  test('is empty only when every source is empty', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(firstOf, [a, b])
    a.push()
    await clock.advance(0)
    expect(recording.ids).toEqual([])
    b.push()
    await clock.advance(0)
    expect(recording.ids).toEqual([[]])
  })

  test('fails instead of being empty when a failing source might have instances', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(firstOf, [a, b])
    b.push()
    a.push('a1')
    await clock.advance(0)
    a.now.fail(new Error('outage'))
    await clock.advance(2_000)
    expect(recording.ids).toEqual([['a1']])
    expect(recording.error).toEqual(new Error('outage'))
    expect(a.watches.every((watch) => watch.signal.aborted)).toBe(true)
    expect(b.now).toMatchObject({ returned: true, signal: { aborted: true } })
  })

  test('fails with every error when every source fails', async () => {
    const { clock, recording } = combine(firstOf, [down, down])
    await clock.advance(0)
    expect(recording.error).toBeInstanceOf(AggregateError)
    expect((recording.error as AggregateError).errors).toEqual([new Error('down'), new Error('down')])
  })

  test.each([
    [[undefined, 0], 30_000],
    [[0, 0], 0],
    [[0, 60_000], 60_000],
  ])('of sources with emptyGrace %j has emptyGrace %d', (graces, expected) => {
    const [a, b] = graces.map((emptyGrace) => new HandSource(emptyGrace === undefined ? {} : { emptyGrace }))
    expect(firstOf(a as Source, b as Source).emptyGrace).toBe(expected)
  })
})

describe('merge', () => {
  test('is the union of all sources, and the earlier source decides for an equal id', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(merge, [a, b])
    a.push('x', 'y')
    await clock.advance(0)
    expect(recording.ids).toEqual([])
    b.now.push([{ ...instance('y'), url: 'http://other.test' }, instance('z')])
    await clock.advance(0)
    expect(recording.ids).toEqual([['x', 'y', 'z']])
    expect((recording.values[0] as Instance[]).find(({ id }) => id === 'y')?.url).toBe('http://y.test')
  })

  test('a source that fails keeps its instances, and the others continue', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(merge, [a, b])
    a.push('a1')
    b.push('b1')
    await clock.advance(0)
    a.now.fail(new Error('outage'))
    await clock.advance(600_000)
    b.push('b2')
    await clock.advance(0)
    expect(recording.ids.at(-1)).toEqual(['a1', 'b2'])
    a.push('a2')
    await clock.advance(0)
    expect(recording.ids.at(-1)).toEqual(['a2', 'b2'])
    b.now.fail(new Error('outage'))
    a.now.fail(new Error('outage'))
    await clock.advance(600_000)
    expect(recording.done).toBe(false)
  })

  test('starts without a source that is silent for patience, and adds it later', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const { clock, recording } = combine(merge, [a, b], { patience: 100 })
    b.push('b1')
    await clock.advance(99)
    expect(recording.ids).toEqual([])
    await clock.advance(1)
    expect(recording.ids).toEqual([['b1']])
    a.push('a1')
    await clock.advance(0)
    expect(recording.ids.at(-1)).toEqual(['a1', 'b1'])
  })

  test('a drop of one source to zero is held back for its emptyGrace', async () => {
    const [a, b, c] = [new HandSource(), new HandSource(), new HandSource({ emptyGrace: 0 })]
    const { clock, recording } = combine(merge, [a, b, c])
    a.push('a1')
    b.push('b1')
    c.push('c1')
    await clock.advance(0)
    a.push()
    c.push()
    await clock.advance(29_999)
    expect(recording.ids.at(-1)).toEqual(['a1', 'b1'])
    await clock.advance(1)
    expect(recording.ids.at(-1)).toEqual(['b1'])
    expect(merge(a, b).emptyGrace).toBe(0)
  })

  test('fails when every source fails and none ever answered', async () => {
    const { clock, recording } = combine(merge, [down, down])
    await clock.advance(0)
    expect(recording.error).toBeInstanceOf(AggregateError)
    expect((recording.error as AggregateError).errors).toEqual([new Error('down'), new Error('down')])
  })
})

describe('mapInstances', () => {
  test('changes, keeps and drops instances', async () => {
    const source = new HandSource({ emptyGrace: 5 })
    const fn = vi.fn<(entry: Instance) => Instance | undefined>((entry) => {
      if (entry.id === 'b') return undefined
      return entry.id === 'c' ? { ...entry, zone: 'z' } : entry
    })
    const mapped = mapInstances(source, fn)
    const recording = record(mapped)
    source.push('a', 'b', 'c')
    await waitFor(() => expect(recording.values).toEqual([[instance('a'), { ...instance('c'), zone: 'z' }]]))
    expect(fn).toHaveBeenCalledWith(instance('a'), 'users')
    expect(mapped.emptyGrace).toBe(5)
    expect('emptyGrace' in mapInstances(silent, fn)).toBe(false)
    recording.abort()
    await recording.ended
    expect(source.now).toMatchObject({ returned: true, signal: { aborted: true } })
  })

  test('a function that throws fails the source, and its watch is closed', async () => {
    const source = new HandSource()
    const recording = record(
      mapInstances(source, () => {
        throw new Error('bug')
      }),
    )
    source.push('a')
    await recording.ended
    expect(recording.error).toEqual(new Error('bug'))
    expect(source.now.returned).toBe(true)
  })

  test('entries that are not objects are passed to Discovery, which refuses them', async () => {
    const source = new HandSource()
    const fn = vi.fn<(entry: Instance) => Instance>((entry) => entry)
    const recording = record(mapInstances(source, fn))
    source.now.push([null, 7, instance('a')])
    source.now.push('nonsense')
    await waitFor(() => expect(recording.values).toEqual([[null, 7, instance('a')], 'nonsense']))
    expect(fn).toHaveBeenCalledTimes(1)
    recording.abort()
  })
})

describe.each([
  ['firstOf', firstOf],
  ['merge', merge],
])('%s', (name, make) => {
  const failing: readonly (readonly [string, Source])[] = [
    [
      'throws at once',
      {
        watch: () => {
          throw new Error('sync')
        },
      },
    ],
    ['throws later', down],
    ['never says anything', silent],
    ['is no iterable', { watch: () => 7 as unknown as AsyncIterable<readonly Instance[]> }],
    [
      'yields what is no list',
      {
        async *watch() {
          yield 'nonsense' as unknown as readonly Instance[]
        },
      },
    ],
    [
      'yields only bad entries',
      {
        async *watch() {
          yield [{ id: 'x', url: 'nonsense' }]
        },
      },
    ],
    [
      'returns at once, again and again',
      {
        async *watch() {
          yield* []
        },
      },
    ],
  ]
  test.each(failing)('continues with the other source when one %s', async (_what, bad) => {
    const good = new HandSource()
    const { clock, recording } = combine(make, [bad, good])
    good.push('g')
    await clock.advance(10_000)
    expect(recording.ids.at(-1)).toEqual(['g'])
    good.push('g', 'h')
    await clock.advance(10_000)
    expect(recording.ids.at(-1)).toEqual(['g', 'h'])
    recording.abort()
    await recording.ended
    await clock.advance(2_000)
    expect(clock.timers).toBe(0)
  })

  test('keeps the valid entries of a source and reports the invalid ones', async () => {
    const a = new HandSource()
    const onError = vi.fn<(error: unknown, service: string) => void>()
    const { clock, recording } = combine(make, [a], { onError })
    a.now.push([instance('a'), { id: 'b', url: 'nonsense' }])
    await clock.advance(0)
    expect(recording.ids).toEqual([['a']])
    expect(onError.mock.calls).toEqual([
      [expect.objectContaining({ message: expect.stringContaining('1 invalid entries') }), 'users'],
    ])
  })

  test('reports each outage once', async () => {
    const onError = vi.fn<(error: unknown, service: string) => void>()
    const good = new HandSource()
    const { clock } = combine(make, [down, good], { onError })
    good.push('g')
    await clock.advance(60_000)
    expect(onError.mock.calls).toEqual([[new Error('down'), 'users']])
  })

  test('an onError that throws changes nothing', async () => {
    const good = new HandSource()
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => warned.mockRestore())
    const { clock, recording } = combine(make, [down, good], {
      onError: () => {
        throw new Error('mine')
      },
    })
    good.push('g')
    await clock.advance(0)
    expect(recording.ids).toEqual([['g']])
    expect(warned).toHaveBeenCalledOnce()
  })

  test('an abort reaches every source and leaves no timer, even if a source ignores it', async () => {
    const [deaf, good] = [new HandSource({ deaf: true }), new HandSource()]
    const { clock, recording } = combine(make, [deaf, good], { patience: 60_000 })
    good.push('g')
    await clock.advance(10)
    recording.abort()
    await recording.ended
    expect(recording.error).toBeUndefined()
    await clock.advance(2_000)
    expect(good.now).toMatchObject({ returned: true, signal: { aborted: true } })
    expect(deaf.now.signal.aborted).toBe(true)
    expect(clock.timers).toBe(0)
    deaf.push('late')
    await clock.advance(0)
    expect(deaf.now.returned).toBe(true)
  })

  test('leaving the loop closes every source', async () => {
    const [a, b] = [new HandSource(), new HandSource()]
    const clock = new ManualClock()
    const leave = async (): Promise<void> => {
      for await (const _ of make(a, b, { clock }).watch('users', { signal: new AbortController().signal }))
        break
    }
    const left = leave()
    a.push('a')
    b.push('b')
    await left
    await clock.advance(0)
    expect(a.now).toMatchObject({ returned: true, signal: { aborted: true } })
    expect(b.now).toMatchObject({ returned: true, signal: { aborted: true } })
  })

  test.each([
    [[], `${name}() needs at least one source`],
    [[{ patience: 1 }], `${name}() needs at least one source`],
    [[silent, { patince: 1 }], `${name}.patince is not an option`],
    [[silent, { patience: -1 }], `${name}.patience must be a number >= 0, got -1`],
    [[silent, { onError: 1 }], `${name}.onError must be a function, got 1`],
    [[silent, { clock: {} }], `${name}.clock must have a method now()`],
    [[silent, undefined], `${name}() source 1 must have a method watch(), got undefined`],
    [[silent, 'consul'], `${name}() source 1 must have a method watch(), got 'consul'`],
    [[{ watch: 1 }], `${name}() source 0 must have a method watch()`],
  ])('refuses %j', (args, message) => {
    expect(() => (make as (...args: readonly unknown[]) => Source)(...args)).toThrow(message)
  })
})

describe.each([
  ['firstOf', (source: Source) => firstOf(source, new MemoryRegistry())],
  ['merge', (source: Source) => merge(source, new MemoryRegistry())],
  ['mapInstances', (source: Source) => mapInstances(source, (entry) => ({ ...entry }))],
])('%s behaves like any other source', (_name, make) => {
  const registry = new MemoryRegistry()
  sourceSuite(test, {
    source: () => make(registry),
    set: async (service, instances) => {
      const keep = new Set(instances.map(({ id }) => id))
      for (const { id } of registry.discover(service)) if (!keep.has(id)) registry.deregister(service, id)
      for (const entry of instances) registry.register(service, entry)
    },
  })
})

test.each([
  [[{}, (x: unknown) => x], 'mapInstances() source must have a method watch()'],
  [[silent, 7], 'mapInstances() fn must be a function, got 7'],
])('mapInstances refuses %j', (args, message) => {
  expect(() => (mapInstances as (...args: readonly unknown[]) => Source)(...args)).toThrow(message)
})
