import { Dispatcher } from 'undici'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Deadlines, type Expiring } from '../../src/deadlines.ts'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const service = 'user-service'
const source = fixed([
  { id: 'a', url: 'http://a:1' },
  { id: 'b', url: 'http://b:1' },
])

/** A pool that never gets a connection. */
class Unconnected extends Dispatcher {
  override dispatch(): boolean {
    return true
  }
  override close(): Promise<void> {
    return Promise.resolve()
  }
  override destroy(): Promise<void> {
    return Promise.resolve()
  }
}

/** A call that ends when it is told to, and how it ended. */
function begin(client: Client, deadline?: number): { end: () => void; ended: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>()
  const ended = client.execute(() => promise, deadline === undefined ? {} : { deadline }).catch(String)
  return { end: () => resolve('answered'), ended }
}

describe('timers', () => {
  it('are one for all the calls in flight, and none once they are over', async () => {
    const clock = new ManualClock()
    await using client = createClient({ service, source, clock })
    await client.ready()
    expect(clock.timers).toBe(0)
    const calls = Array.from({ length: 100 }, () => begin(client))
    expect(clock.timers).toBe(1)
    for (const call of calls.toReversed()) call.end()
    await Promise.all(calls.map(({ ended }) => ended))
    expect(clock.timers).toBe(0)
  })

  it('shared by calls still end each at its own time', async () => {
    const clock = new ManualClock()
    await using client = createClient({ service, source, clock, timeout: 1000 })
    await client.ready()
    const log: string[] = []
    const track = (name: string, { ended }: { ended: Promise<string> }): void => {
      void ended.then((how) => log.push(`${clock.now()} ${name} ${how.slice(0, 12)}`))
    }
    const first = begin(client)
    await clock.advance(100)
    const second = begin(client)
    track('second', second)
    track('hurried', begin(client, clock.now() + 50))
    await clock.advance(100)
    track('third', begin(client))
    first.end()
    expect(await first.ended).toBe('answered')
    await clock.advance(2000)
    expect(log).toEqual(['150 hurried TimeoutError', '1100 second TimeoutError', '1200 third TimeoutError'])
    expect(clock.timers).toBe(0)
  })

  it('are one for all the attempts that wait for a connection', async () => {
    const clock = new ManualClock()
    const transport = (): Dispatcher => new Unconnected()
    await using client = createClient({
      service,
      source,
      clock,
      transport,
      retry: false,
      timeout: { total: Infinity },
    })
    await client.ready()
    const ended = Array.from({ length: 100 }, () => client.request('/').then(() => 'answered', String))
    expect(clock.timers).toBe(1)
    await clock.advance(10_000)
    expect(new Set((await Promise.all(ended)).map((how) => how.replace(/http:..\w:1/, '_')))).toEqual(
      new Set(['TimeoutError: no connection to _ within 10000 ms (timeout.connect)']),
    )
    expect(clock.timers).toBe(0)
  })

  it('shared by attempts go on after a handler that throws', async () => {
    const clock = new ManualClock()
    const transport = (): Dispatcher => new Unconnected()
    await using client = createClient({ service, source, clock, transport })
    await client.ready()
    const told: string[] = []
    const send = (name: string, onError: () => void): void => {
      const options = { path: '/', method: 'GET' } as const
      client.dispatcher.dispatch(options, {
        onRequestStart() {},
        onResponseError() {
          told.push(name)
          onError()
        },
      })
    }
    send('first', () => {
      send('third', () => {})
      throw new Error('from the handler')
    })
    send('second', () => {})
    await expect(clock.advance(10_000)).rejects.toThrow('from the handler')
    await clock.advance(0)
    expect(told).toEqual(['first', 'second'])
    await clock.advance(10_000)
    expect(told).toEqual(['first', 'second', 'third'])
    expect(clock.timers).toBe(0)
  })

  it('there are none for what waits for nothing', async () => {
    const clock = new ManualClock()
    await using client = createClient({ service, source, clock, timeout: false })
    await client.ready()
    const call = begin(client)
    expect(clock.timers).toBe(0)
    call.end()
    expect(await call.ended).toBe('answered')
  })

  it('of a list that is empty for a moment stay until every list is, and expire nobody early', async () => {
    const clock = new ManualClock()
    const deadlines = new Deadlines(clock)
    const log: string[] = []
    const begin = (name: string, ms: number): Expiring => {
      const entry: Expiring = {
        deadline: clock.now() + ms,
        older: undefined,
        newer: undefined,
        waiting: undefined,
        expire: () => log.push(`${clock.now()} ${name}`),
      }
      deadlines.add(entry, ms)
      return entry
    }
    const call = begin('call', 1000)
    const first = begin('first', 50)
    first.waiting?.delete(first)
    expect(clock.timers).toBe(2)
    await clock.advance(40)
    begin('second', 50)
    expect(clock.timers).toBe(2)
    await clock.advance(100)
    expect(log).toEqual(['90 second'])
    call.waiting?.delete(call)
    expect(clock.timers).toBe(0)
  })

  it('of the system stay for calls that follow each other, and keep no process alive', async () => {
    await using client = createClient({ service, source })
    await client.ready()
    const set = vi.spyOn(globalThis, 'setTimeout')
    const clear = vi.spyOn(globalThis, 'clearTimeout')
    onTestFinished(() => {
      set.mockRestore()
      clear.mockRestore()
    })
    const chain = (calls: number): Promise<number> =>
      client.execute(() => calls).then((left) => (left > 0 ? chain(left - 1) : left))
    expect(await chain(10)).toBe(0)
    expect(set).toHaveBeenCalledTimes(1)
    expect(clear).not.toHaveBeenCalled()
    await new Promise((resolve) => setImmediate(resolve))
    expect(clear).toHaveBeenCalledTimes(1)
    expect(await client.execute(() => 'again')).toBe('again')
    expect(set).toHaveBeenCalledTimes(2)
  })
})
