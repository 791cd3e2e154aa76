import { expect, test, vi, type Mock } from 'vitest'
import { snapshots, type SnapshotSink, type StartSnapshots } from '../../src/registry/snapshots.ts'
import type { Source } from '../../src/registry/source.ts'
import { instance, record } from './combine-support.ts'

const a = [instance('a')]
const b = [instance('b')]

function bridged(start: StartSnapshots): Source {
  return { watch: (_service, { signal }) => snapshots(signal, start) }
}

/** A bridge, with its sink and its stop function for the test. */
function open(): { sink: SnapshotSink; stop: Mock<() => unknown>; source: Source } {
  const sink: { current?: SnapshotSink } = {}
  const stop = vi.fn<() => unknown>()
  const source = bridged((given) => {
    sink.current = given
    return stop
  })
  return {
    stop,
    source,
    sink: { next: (list) => sink.current?.next(list), fail: (error) => sink.current?.fail(error) },
  }
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('start runs only when the iteration begins', () => {
  const start = vi.fn<StartSnapshots>()
  snapshots(new AbortController().signal, start)
  expect(start).not.toHaveBeenCalled()
})

test('start does not run after an abort', async () => {
  const start = vi.fn<StartSnapshots>()
  const iterator = snapshots(AbortSignal.abort(), start)[Symbol.asyncIterator]()
  expect(await iterator.next()).toEqual({ done: true, value: undefined })
  expect(start).not.toHaveBeenCalled()
})

test('the latest snapshot replaces earlier ones', async () => {
  const { sink, source } = open()
  const controller = new AbortController()
  const iterator = source.watch('s', { signal: controller.signal })[Symbol.asyncIterator]()
  const first = iterator.next()
  sink.next(a)
  expect((await first).value).toBe(a)
  sink.next(a)
  sink.next([])
  sink.next(b)
  expect((await iterator.next()).value).toBe(b)
  const next = iterator.next()
  expect(await Promise.race([next, tick()])).toBeUndefined()
  controller.abort()
  expect(await next).toEqual({ done: true, value: undefined })
})

test('a snapshot that start delivers synchronously is kept', async () => {
  const recording = record(bridged(({ next }) => next(a)))
  await tick()
  expect(recording.values).toEqual([a])
  recording.abort()
  await recording.ended
})

test('a failure is thrown after the snapshot before it, and the first failure counts', async () => {
  const { sink, source, stop } = open()
  const recording = record(source)
  sink.next(a)
  sink.fail(new Error('down'))
  sink.fail(new Error('later'))
  await recording.ended
  expect(recording.values).toEqual([a])
  expect(recording.error).toEqual(new Error('down'))
  expect(stop).toHaveBeenCalledOnce()
})

test.each([
  [
    'synchronously',
    () => {
      throw new Error('no')
    },
  ],
  ['later', () => Promise.reject(new Error('no'))],
])('a start that throws %s fails the watch', async (_when, start: StartSnapshots) => {
  const recording = record(bridged(start))
  await recording.ended
  expect(recording.error).toEqual(new Error('no'))
})

test('an abort stops at once, even if the consumer never uses the iterator again', async () => {
  const { sink, source, stop } = open()
  const controller = new AbortController()
  const iterator = source.watch('s', { signal: controller.signal })[Symbol.asyncIterator]()
  const first = iterator.next()
  sink.next(a)
  await first
  controller.abort()
  await tick()
  expect(stop).toHaveBeenCalledOnce()
  sink.next(b)
  expect(await iterator.next()).toEqual({ done: true, value: undefined })
  expect(stop).toHaveBeenCalledOnce()
})

test('an abort while start is pending ends the watch now, and stops when start has finished', async () => {
  const started = Promise.withResolvers<() => void>()
  const stop = vi.fn<() => unknown>()
  const recording = record(bridged(() => started.promise))
  await tick()
  recording.abort()
  await recording.ended
  expect(stop).not.toHaveBeenCalled()
  started.resolve(stop)
  await tick()
  expect(stop).toHaveBeenCalledOnce()
})

test('a failure does not wait for a start that never finishes', async () => {
  const recording = record(
    bridged(({ fail }) => {
      fail(new Error('down'))
      return new Promise(() => {})
    }),
  )
  await recording.ended
  expect(recording.error).toEqual(new Error('down'))
})

test('a failed watch ends only when stop has finished, so that it does not overlap with the next one', async () => {
  const stopped = Promise.withResolvers<void>()
  const { sink, source, stop } = open()
  stop.mockReturnValue(stopped.promise)
  const recording = record(source)
  await tick()
  sink.fail(new Error('down'))
  await tick()
  expect(recording.done).toBe(false)
  stopped.resolve()
  await recording.ended
  expect(recording.error).toEqual(new Error('down'))
})

test.each([
  ['throws', () => Promise.reject(new Error('stop'))],
  [
    'throws synchronously',
    () => {
      throw new Error('stop')
    },
  ],
])('a stop that %s does not hide the error of the watch', async (_what, stop) => {
  const recording = record(
    bridged(({ fail }) => {
      queueMicrotask(() => fail(new Error('down')))
      return stop
    }),
  )
  await recording.ended
  expect(recording.error).toEqual(new Error('down'))
})

test('leaves no listener on the signal', async () => {
  const { signal } = new AbortController()
  const removed = vi.spyOn(signal, 'removeEventListener')
  const added = vi.spyOn(signal, 'addEventListener')
  for await (const _ of snapshots(signal, ({ next }) => next(a))) break
  expect(removed).toHaveBeenCalledTimes(added.mock.calls.length)
})

test('refuses a value that is not a signal or not a function', () => {
  expect(() => snapshots({} as AbortSignal, () => {})).toThrow(/AbortSignal/)
  expect(() => snapshots(new AbortController().signal, 7 as unknown as StartSnapshots)).toThrow(
    'start must be a function, got 7',
  )
})
