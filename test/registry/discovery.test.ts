import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Discovery, type DiscoveryOptions } from '../../src/registry/discovery.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import type { Instance, SignalContext, Source } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const a: Instance = { id: 'a', url: 'http://a:1' }
const b: Instance = { id: 'b', url: 'http://b:1' }

let clock: ManualClock
let unhandled: unknown[]
const onUnhandled = (error: unknown): void => void unhandled.push(error)

beforeEach(() => {
  clock = new ManualClock()
  unhandled = []
  process.on('unhandledRejection', onUnhandled)
})

afterEach(async () => {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  process.off('unhandledRejection', onUnhandled)
  if (unhandled.length > 0) throw new AggregateError(unhandled, 'unhandled rejections')
})

/** A source that the test controls: each watch is a queue of snapshots, errors and ends. */
class Script implements Source {
  watches = 0
  readonly startedAt: number[] = []
  readonly signals: AbortSignal[] = []
  #queue: (() => unknown)[] = []
  #wake: () => void = () => {}

  yields(value: unknown): void {
    this.#push(() => value)
  }

  throws(error: unknown): void {
    this.#push(() => {
      throw error
    })
  }

  returns(): void {
    this.#push(() => END)
  }

  async *watch(_service: string, { signal }: SignalContext): AsyncGenerator<readonly Instance[], void> {
    this.watches++
    this.startedAt.push(clock.now())
    this.signals.push(signal)
    const wake = (): void => this.#wake()
    signal.addEventListener('abort', wake, { once: true })
    while (!signal.aborted) {
      const next = this.#queue.shift()
      if (next) {
        const value = next()
        if (value === END) return
        yield value as readonly Instance[]
        continue
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #push(step: () => unknown): void {
    this.#queue.push(step)
    this.#wake()
  }
}

const END = Symbol('end')

function drive(source: Source, options: Partial<DiscoveryOptions> = {}) {
  const log: unknown[][] = []
  const discovery = new Discovery({
    source,
    service: 's',
    clock,
    onInstances: (instances) => log.push(['instances', instances.map(({ id }) => id).join()]),
    onStale: (error) => log.push(['stale', (error as Error).message]),
    onRecovered: (staleFor) => log.push(['recovered', staleFor]),
    onInvalid: (rejected) => log.push(['invalid', rejected.length]),
    ...options,
  })
  return { discovery, log }
}

describe('Discovery', () => {
  it('is ready with the first snapshot, and passes on each snapshot that differs', async () => {
    const source = new Script()
    const { discovery, log } = drive(source)
    expect([discovery.seen, discovery.instances]).toEqual([false, []])
    discovery.start()
    discovery.start()
    source.yields([a])
    await discovery.ready
    expect([discovery.seen, discovery.instances]).toEqual([true, [a]])
    source.yields([{ ...a }])
    source.yields([b, a])
    source.yields([a, { ...b, weight: 1 }])
    source.yields([{ ...b, weight: 1 }, a])
    await clock.advance(0)
    expect(log).toEqual([
      ['instances', 'a'],
      ['instances', 'b,a'],
      ['instances', 'a,b'],
    ])
    expect(source.watches).toBe(1)
    await discovery.close()
  })

  it('is ready with a first snapshot that is empty', async () => {
    const source = new Script()
    const { discovery, log } = drive(source)
    discovery.start()
    source.yields([])
    await discovery.ready
    source.yields([])
    await clock.advance(0)
    expect(log).toEqual([['instances', '']])
    await discovery.close()
  })

  it.each<[string, Source['watch']]>([
    [
      'throws at once',
      () => {
        throw new Error('broken')
      },
    ],
    ['returns nothing', () => undefined as never],
    ['returns an array', () => [[a]] as never],
    ['returns a promise', (() => Promise.reject(new Error('broken'))) as never],
    [
      'throws a TypeError, which p-retry alone would not retry',
      () => {
        throw new TypeError('broken')
      },
    ],
    [
      'throws nothing',
      () => {
        throw undefined
      },
    ],
  ])('treats a watch() that %s as a failing source', async (_name, watch) => {
    let working: Source['watch'] | undefined
    const { discovery, log } = drive({ watch: (...args) => (working ?? watch)(...args) })
    discovery.start()
    await clock.advance(10_000)
    expect(log).toEqual([['stale', expect.any(String)]])
    expect(discovery.error).toBeInstanceOf(Error)
    const source = new Script()
    source.yields([a])
    working = (...args) => source.watch(...args)
    await clock.advance(15_000)
    expect(log.slice(1)).toEqual([
      ['instances', 'a'],
      ['recovered', expect.any(Number)],
    ])
    expect(discovery.error).toBeUndefined()
    await discovery.close()
  })
})

describe('Discovery, when the source throws', () => {
  it('keeps the last known instances and reports the outage once', async () => {
    const source = new Script()
    const { discovery, log } = drive(source)
    discovery.start()
    source.yields([a])
    await clock.advance(1000)
    source.throws(new Error('first'))
    source.throws(new Error('second'))
    await clock.advance(5000)
    expect(discovery.instances).toEqual([a])
    expect(discovery.error).toMatchObject({ message: 'second' })
    source.yields([a])
    await clock.advance(0)
    expect(log).toEqual([
      ['instances', 'a'],
      ['stale', 'first'],
      ['recovered', 5000],
    ])
    expect(discovery.error).toBeUndefined()
    source.throws(new Error('third'))
    await clock.advance(0)
    expect(log.at(-1)).toEqual(['stale', 'third'])
    await discovery.close()
  })

  it('waits longer each time, up to the maximum, with random delays, and starts again at the minimum after a recovery', async () => {
    const delays = async (seed: number): Promise<number[]> => {
      clock = new ManualClock({ seed })
      const source = new Script()
      const { discovery } = drive(source, { backoff: { initial: 100, max: 1000 } })
      for (let n = 0; n < 7; n++) source.throws(new Error('down'))
      source.yields([a])
      discovery.start()
      await clock.advance(20_000)
      source.throws(new Error('down'))
      await clock.advance(1000)
      await discovery.close()
      const [last = 0] = source.startedAt.splice(8)
      return [...source.startedAt.slice(1).map((at, n) => at - (source.startedAt[n] ?? 0)), last - 20_000]
    }
    const waits = await delays(1)
    const ceilings = [100, 200, 400, 800, 1000, 1000, 1000, 100]
    expect(waits).toHaveLength(ceilings.length)
    for (const [n, ceiling] of ceilings.entries()) {
      expect(waits[n]).toBeGreaterThanOrEqual(ceiling / 2)
      expect(waits[n]).toBeLessThanOrEqual(ceiling)
    }
    expect(await delays(2)).not.toEqual(waits)
  })

  it('waits longer each time even if each watch yields a snapshot before it fails', async () => {
    const source = new Script()
    const { discovery } = drive(source, { backoff: { initial: 100, max: 1000 } })
    for (let n = 0; n < 6; n++) {
      source.yields([a])
      source.throws(new Error('list, but no watch'))
    }
    discovery.start()
    await clock.advance(20_000)
    const waits = source.startedAt.slice(1).map((at, n) => at - (source.startedAt[n] ?? 0))
    for (const [n, ceiling] of [100, 200, 400, 800, 1000].entries()) {
      expect(waits[n]).toBeGreaterThanOrEqual(ceiling / 2)
      expect(waits[n]).toBeLessThanOrEqual(ceiling)
    }
    await discovery.close()
  })

  it('is not ready before a valid snapshot', async () => {
    const source = new Script()
    const { discovery } = drive(source)
    let ready = false
    void discovery.ready.then(() => (ready = true))
    discovery.start()
    source.throws(new Error('down'))
    source.yields('garbage')
    await clock.advance(60_000)
    expect([ready, discovery.seen]).toEqual([false, false])
    source.yields([a])
    await clock.advance(0)
    expect([ready, discovery.seen]).toEqual([true, true])
    await discovery.close()
  })
})

describe('Discovery, when the source returns', () => {
  it('watches again at once and reports nothing', async () => {
    const source = new Script()
    const { discovery, log } = drive(source)
    discovery.start()
    source.yields([a])
    await clock.advance(5000)
    source.returns()
    await clock.advance(0)
    source.yields([a, b])
    await clock.advance(0)
    expect(source.startedAt).toEqual([0, 5000])
    expect(log).toEqual([
      ['instances', 'a'],
      ['instances', 'a,b'],
    ])
    await discovery.close()
  })

  it('waits between watches that end at once, so that it does not spin', async () => {
    let watches = 0
    const { discovery, log } = drive({
      watch: async function* () {
        watches++
        yield [a]
      },
    })
    discovery.start()
    await clock.advance(10_000)
    expect(watches).toBe(12)
    expect(log).toEqual([['instances', 'a']])
    await discovery.close()
    expect(clock.timers).toBe(0)
  })
})

describe('Discovery, with an invalid snapshot', () => {
  it('drops only the invalid entries, and reports them until they change', async () => {
    const source = new Script()
    const { discovery, log } = drive(source)
    discovery.start()
    source.yields([a, { id: 'x' }, { ...a }])
    source.yields([{ ...a }, a, { id: 'x' }])
    source.yields([a, { id: 'x' }])
    source.yields([a])
    source.yields([a, { id: 'x' }])
    await clock.advance(0)
    expect(log).toEqual([
      ['invalid', 2],
      ['instances', 'a'],
      ['invalid', 1],
      ['invalid', 1],
    ])
    await discovery.close()
  })

  it.each([
    ['is no array', 'garbage', /must be an array, got 'garbage'/],
    ['is nothing', undefined, /must be an array/],
    [
      'has only bad entries',
      [{ id: 'x' }, null],
      /every entry of the snapshot is invalid.*url must be a string/,
    ],
  ])('treats a snapshot that %s as a failure, not as zero instances', async (_name, value, message) => {
    const source = new Script()
    const { discovery, log } = drive(source, { emptyGrace: 0 })
    discovery.start()
    source.yields([a])
    source.yields(value)
    await clock.advance(0)
    expect(discovery.instances).toEqual([a])
    expect(log.at(-1)).toEqual(['stale', expect.stringMatching(message)])
    source.yields([b])
    await clock.advance(1000)
    expect(log.slice(-2)).toEqual([
      ['instances', 'b'],
      ['recovered', expect.any(Number)],
    ])
    await discovery.close()
  })
})

describe('a drop to zero', () => {
  it('is held back for the empty grace and then applied', async () => {
    const source = new Script()
    const { discovery, log } = drive(source)
    discovery.start()
    source.yields([a])
    source.yields([])
    await clock.advance(29_999)
    source.yields([])
    await clock.advance(0)
    expect(discovery.instances).toEqual([a])
    await clock.advance(1)
    expect(discovery.instances).toEqual([])
    source.yields([a])
    await clock.advance(0)
    expect(log).toEqual([
      ['instances', 'a'],
      ['instances', ''],
      ['instances', 'a'],
    ])
    await discovery.close()
  })

  it('is cancelled when instances come back in time', async () => {
    const source = new Script()
    const { discovery, log } = drive(source)
    discovery.start()
    source.yields([a])
    source.yields([])
    await clock.advance(20_000)
    source.yields([a])
    await clock.advance(1000)
    source.yields([])
    await clock.advance(20_000)
    expect(discovery.instances).toEqual([a])
    await clock.advance(10_000)
    expect(log).toEqual([
      ['instances', 'a'],
      ['instances', ''],
    ])
    await discovery.close()
  })

  it('is cancelled when the source fails, because the state is then unknown', async () => {
    const source = new Script()
    const { discovery } = drive(source)
    discovery.start()
    source.yields([a])
    source.yields([])
    await clock.advance(20_000)
    source.throws(new Error('down'))
    await clock.advance(60_000)
    expect(discovery.instances).toEqual([a])
    source.yields([])
    await clock.advance(29_000)
    expect(discovery.instances).toEqual([a])
    await clock.advance(1000)
    expect(discovery.instances).toEqual([])
    await discovery.close()
  })

  it('is still held back after the source returned as planned', async () => {
    const source = new Script()
    const { discovery } = drive(source)
    discovery.start()
    source.yields([a])
    source.yields([])
    source.returns()
    await clock.advance(30_000)
    expect(discovery.instances).toEqual([])
    await discovery.close()
  })

  it.each([
    ['the source has none', 0, undefined, 0],
    ['the option says so', 30_000, 0, 0],
    ['the source has another', 5000, undefined, 5000],
    ['the option has another', 0, 7000, 7000],
  ])('is held back for the grace that applies: %s', async (_name, own, option, expected) => {
    const source = Object.assign(new Script(), { emptyGrace: own })
    const { discovery } = drive(source, option === undefined ? {} : { emptyGrace: option })
    discovery.start()
    source.yields([a])
    source.yields([])
    await clock.advance(0)
    expect(discovery.instances).toEqual(expected > 0 ? [a] : [])
    await clock.advance(Math.max(0, expected - 1))
    expect(discovery.instances).toEqual(expected > 0 ? [a] : [])
    await clock.advance(1)
    expect(discovery.instances).toEqual([])
    await discovery.close()
  })

  it('is never applied with an infinite grace', async () => {
    const source = new Script()
    const { discovery } = drive(source, { emptyGrace: Infinity })
    discovery.start()
    source.yields([a])
    source.yields([])
    await clock.advance(2 ** 32)
    expect(discovery.instances).toEqual([a])
    expect(clock.timers).toBe(0)
    await discovery.close()
  })
})

describe('closing Discovery', () => {
  it.each<[string, (source: Script) => void]>([
    ['before the first snapshot', () => {}],
    ['while it waits', (source) => source.yields([a])],
    ['while it waits to try again', (source) => source.throws(new Error('down'))],
    ['while a drop to zero is held', (source) => (source.yields([a]), source.yields([]))],
    ['while it waits to watch again', (source) => (source.returns(), source.returns())],
  ])('%s ends the source and all timers', async (_name, prepare) => {
    const source = new Script()
    const { discovery, log } = drive(source)
    discovery.start()
    prepare(source)
    await clock.advance(0)
    const before = log.length
    await discovery.close()
    await discovery.close()
    expect(source.signals.every(({ aborted }) => aborted)).toBe(true)
    expect(clock.timers).toBe(0)
    source.yields([b])
    await clock.advance(100_000)
    expect(log).toHaveLength(before)
  })

  it('rejects ready if there was no snapshot, and cannot be started again', async () => {
    const source = new Script()
    const { discovery } = drive(source)
    await discovery.close()
    discovery.start()
    await expect(discovery.ready).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    expect(source.watches).toBe(0)
  })

  it('does not wait for a source that ignores its signal, and drops what it yields later', async () => {
    let late: (value: IteratorResult<readonly Instance[]>) => void = () => {}
    const deaf: Source = {
      watch: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () =>
            new Promise((resolve) => {
              late = resolve
            }),
        }),
      }),
    }
    const { discovery, log } = drive(deaf)
    discovery.start()
    await clock.advance(0)
    let closed = false
    const closing = discovery.close().then(() => (closed = true))
    await clock.advance(999)
    expect(closed).toBe(false)
    await clock.advance(1)
    await closing
    late({ done: false, value: [a] })
    await clock.advance(0)
    expect(log).toEqual([])
    expect(discovery.instances).toEqual([])
  })

  it('aborts the signal of a watch that it gives up, for iterators without return()', async () => {
    const signals: AbortSignal[] = []
    const { discovery } = drive({
      watch: (_service, { signal }) => {
        signals.push(signal)
        return { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 7 as never }) }) }
      },
    })
    discovery.start()
    await clock.advance(400)
    expect(signals.map(({ aborted }) => aborted)).toContain(true)
    await discovery.close()
  })

  it('aborts the signal before it calls return() of the iterator, which may wait for the signal', async () => {
    let watches = 0
    const { discovery } = drive({
      async *watch(_service, { signal }) {
        watches++
        const { promise, resolve } = Promise.withResolvers<void>()
        signal.addEventListener('abort', () => resolve(), { once: true })
        try {
          yield 7 as never
        } finally {
          await promise
        }
      },
    })
    discovery.start()
    await clock.advance(2_000)
    expect(watches).toBeGreaterThan(1)
    await discovery.close()
  })
})

it('applies changes of a MemoryRegistry at once, without an empty grace', async () => {
  const registry = new MemoryRegistry({ clock })
  const { discovery, log } = drive(registry)
  registry.register('s', a)
  discovery.start()
  await discovery.ready
  await clock.advance(30_001)
  expect(log).toEqual([
    ['instances', 'a'],
    ['instances', ''],
  ])
  await discovery.close()
  expect(clock.timers).toBe(0)
})

it.each([
  [{ source: {} }, /source must have a method watch/],
  [{ onInstances: 1 }, /onInstances must be a function/],
  [{ emptyGrace: -1 }, /emptyGrace must be a number >= 0, got -1/],
  [{ backoff: { initial: 0 } }, /backoff\.initial/],
  [{ backoff: { initial: 100, max: 50 } }, /backoff\.max must be a number >= 100/],
  [{ backoff: { factor: 3 } }, /backoff\.factor is not an option/],
  [{ retries: 3 }, /retries is not an option/],
])('refuses %j', (options, message) => {
  expect(() => drive(new Script(), options as object)).toThrow(message)
})
