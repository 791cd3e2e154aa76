import { describe, expect, it } from 'vitest'
import { linger } from '../../../src/registry/kubernetes/linger.ts'
import type { Endpoints } from '../../../src/registry/kubernetes/slices.ts'
import type { Instance } from '../../../src/registry/source.ts'
import { ManualClock } from '../../../src/testing/clock.ts'

describe('an endpoint in no slice', () => {
  const [a, b] = ['a', 'b'].map((id): Instance => ({ id, url: `http://${id}:80` })) as [Instance, Instance]

  /** Takes updates from the test, and shows the latest snapshot. */
  function lingering(): {
    clock: ManualClock
    shown: () => string[]
    feed(endpoints: Record<string, Instance | undefined>): Promise<void>
    stop: AbortController
    done: Promise<void>
  } {
    const clock = new ManualClock()
    const stop = new AbortController()
    let latest: readonly Instance[] = []
    let wake = (): void => {}
    const queue: Endpoints[] = []
    async function* updates(signal: AbortSignal): AsyncGenerator<Endpoints, void> {
      signal.addEventListener('abort', () => wake())
      while (!signal.aborted) {
        const update = queue.shift()
        if (update) yield update
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    const run = async (): Promise<void> => {
      for await (const instances of linger(updates, clock, stop.signal)) latest = instances
    }
    return {
      clock,
      stop,
      shown: () => latest.map(({ id }) => id).toSorted(),
      feed: async (endpoints) => {
        queue.push(new Map(Object.entries(endpoints)))
        wake()
        await clock.advance(0)
      },
      done: run(),
    }
  }

  it('is kept while it moves from one slice to another', async () => {
    const { clock, shown, feed, stop, done } = lingering()
    await feed({ a, b })
    await feed({ a })
    await clock.advance(150)
    expect(shown()).toEqual(['a', 'b'])
    await feed({ a, b })
    await clock.advance(1000)
    expect(shown()).toEqual(['a', 'b'])
    stop.abort()
    await done
    expect(clock.timers).toBe(0)
  })

  it('is removed after a moment, even if other endpoints change in between', async () => {
    const { clock, shown, feed, stop, done } = lingering()
    await feed({ a, b })
    await feed({ a })
    await clock.advance(150)
    await feed({ a, c: { id: 'c', url: 'http://c:80' } })
    await clock.advance(49)
    expect(shown()).toEqual(['a', 'b', 'c'])
    await clock.advance(1)
    expect(shown()).toEqual(['a', 'c'])
    stop.abort()
    await done
  })

  it('is removed at once when it is still listed as not usable', async () => {
    const { shown, feed, stop, done } = lingering()
    await feed({ a, b })
    await feed({ a, b: undefined })
    expect(shown()).toEqual(['a'])
    stop.abort()
    await done
  })
})
