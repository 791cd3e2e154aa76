import { describe, expect, it } from 'vitest'
import { regroup } from '../../src/registry/shared/regroup.ts'
import { SharedWatch } from '../../src/registry/shared/shared-watch.ts'
import { ManualClock } from '../../src/testing/clock.ts'

/** A watch that the test controls. */
function driven(): {
  shared: SharedWatch<string>
  clock: ManualClock
  opened: () => number
  open: () => number
  say: (values: Record<string, string>) => void
  end: (error?: Error) => void
} {
  const clock = new ManualClock()
  let [opened, open] = [0, 0]
  let next = Promise.withResolvers<Record<string, string> | undefined>()
  const shared = new SharedWatch<string>(async function* (signal) {
    next = Promise.withResolvers()
    opened++
    open++
    signal.addEventListener('abort', () => next.resolve(undefined))
    try {
      for (;;) {
        const values = await next.promise
        next = Promise.withResolvers()
        if (!values) return
        yield new Map(Object.entries(values))
      }
    } finally {
      open--
    }
  }, clock)
  return {
    shared,
    clock,
    opened: () => opened,
    open: () => open,
    say: (values) => next.resolve(values),
    end: (error) => (error ? next.reject(error) : next.resolve(undefined)),
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('one watch for the watchers of many services', () => {
  it('is opened once, gives each watcher its changes, and ends with the last watcher', async () => {
    const { shared, opened, open, say } = driven()
    const [stopA, stopB] = [new AbortController(), new AbortController()]
    const [a, b] = [shared.watch('a', stopA.signal), shared.watch('b', stopB.signal)]
    const first = [a.next(), b.next()]
    say({ a: '1' })
    expect((await Promise.all(first)).map(({ value }) => value)).toEqual(['1', undefined])
    const [nextA, nextB] = [a.next(), b.next()]
    nextA.catch(() => {})
    say({ a: '1', b: '2' })
    expect((await nextB).value).toBe('2')
    stopA.abort(new Error('enough'))
    await expect(nextA).rejects.toThrow('enough')
    expect([opened(), open()]).toEqual([1, 1])
    const last = b.next()
    last.catch(() => {})
    stopB.abort(new Error('enough'))
    await expect(last).rejects.toThrow('enough')
    await settle()
    expect(open()).toBe(0)
  })

  it('gives a later watcher the known values', async () => {
    const { shared, say } = driven()
    const { signal } = new AbortController()
    const first = shared.watch('a', signal).next()
    say({ a: '1', b: '2' })
    await first
    expect((await shared.watch('b', signal).next()).value).toBe('2')
  })

  it('fails for all, and is not opened again at once, however many watchers return', async () => {
    const { shared, clock, opened, say, end } = driven()
    const { signal } = new AbortController()
    const watches = ['a', 'b', 'c'].map((name) => shared.watch(name, signal))
    const first = watches.map((watch) => watch.next())
    say({})
    await Promise.all(first)
    const failing = watches.map((watch) => expect(watch.next()).rejects.toThrow('broken'))
    await settle()
    end(new Error('broken'))
    await Promise.all(failing)
    const again = ['a', 'b', 'c'].map((name) => shared.watch(name, signal).next())
    await settle()
    expect(opened()).toBe(1)
    await clock.advance(500)
    await settle()
    expect(opened()).toBe(2)
    say({ c: '3' })
    expect((await Promise.all(again)).map(({ value }) => value)).toEqual([undefined, undefined, '3'])
  })

  it('ends as planned for all', async () => {
    const { shared, end, say } = driven()
    const watch = shared.watch('a', new AbortController().signal)
    const first = watch.next()
    say({})
    await first
    const next = watch.next()
    await settle()
    end()
    expect(await next).toEqual({ done: true, value: undefined })
  })
})

describe('groups', () => {
  it('keep their arrays unless their items have changed', () => {
    const [x, y, z] = [{}, {}, {}]
    const before = regroup<object>(new Map(), [
      ['a', x],
      ['b', y],
      ['a', z],
    ])
    const after = regroup(before, [
      ['a', x],
      ['a', z],
      ['b', {}],
    ])
    expect(after.get('a')).toBe(before.get('a'))
    expect(after.get('b')).not.toBe(before.get('b'))
    expect(after.get('c')).toBeUndefined()
  })
})
