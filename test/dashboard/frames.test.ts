import { EventEmitter } from 'node:events'
import { request, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { serveDashboard, type ServedDashboard } from '../../src/dashboard.ts'
import { shapeOf } from '../../src/dashboard/changes.ts'
import type { ServiceFrame } from '../../src/dashboard/frame.ts'
import { Sampler } from '../../src/dashboard/sampler.ts'
import { SentFrames } from '../../src/dashboard/sent.ts'
import { stream } from '../../src/dashboard/stream.ts'
import { Scripted, SteppedClock, type ScriptedInstance } from '../dashboard-browser/scripted.ts'
import { openStream, type Stream, type Told } from './pages.ts'

const instancesOf = (count: number): ScriptedInstance[] =>
  Array.from({ length: count }, (_, n) => ({ id: `pod-${n}`, state: 'available', zone: 'a', version: 'v1' }))

let clock: SteppedClock
let client: Scripted
let served: ServedDashboard
beforeEach(async () => {
  clock = new SteppedClock()
  client = new Scripted('svc', instancesOf(1_000), clock)
  served = await serveDashboard(client.shown, { clock })
})
afterEach(() => served.close())

async function opened(url = 'events'): Promise<Stream> {
  return openStream(served.url + url)
}
/** Waits until a page has the frame of the current time. */
const upToDate = (page: Stream): Promise<unknown> => page.until(({ at }) => at === clock.now() + clock.epoch)
const servicesOf = (page: Stream): unknown => page.events.at(-1)?.frame.services as unknown

it('A page that applies frames with changes has the same state as a page that opens now', async () => {
  using page = await opened()
  await clock.step()
  await clock.step()
  await upToDate(page)
  const [first, second] = page.events
  expect(first?.sent).toMatchObject({ whole: expect.any(Number), services: [{ name: 'svc' }] })
  expect(second?.sent).toEqual({ at: clock.now() + clock.epoch, services: [], lines: [], dropped: 0 })

  client.instances[7]!.state = 'open'
  client.call('pod-9', 12)
  await clock.step()
  await upToDate(page)
  expect(page.events.at(-1)?.sent).toMatchObject({
    services: [{ name: 'svc', calls: 1, instances: { state: { 7: 'open' }, calls: { 9: 1 } } }],
  })
  expect(page.events.at(-1)?.bytes).toBeLessThan(first!.bytes / 50)

  // Services appear, disappear and change their order, a field disappears, and the load changes.
  for (let step = 0; step < 40; step++) {
    client.instances = instancesOf(100).filter((_, n) => (n * 7 + (step >> 2)) % 5 > 0)
    if (step % 3 === 0) client.instances.reverse()
    for (const { id } of client.instances) if (step % 4 < 2) client.call(id, 1 + step)
    await clock.step()
  }
  await upToDate(page)
  using later = await opened()
  await upToDate(later)
  expect(servicesOf(later)).toEqual(servicesOf(page))
  expect(page.events).toHaveLength(43)
  expect(new Set(later.events.map(({ id }) => id)).size).toBe(later.events.length)
})

it('A page that reconnects gets a complete frame first, and ignores what it already had', async () => {
  let [before, last] = [0, 0]
  let told: Told
  {
    using page = await opened()
    for (let step = 0; step < 35; step++) await clock.step()
    await upToDate(page)
    before = page.events.length
    last = page.events.at(-1)!.id
    told = page.told
  }
  client.tell('breaker:open', 'pod-3', { from: 'closed', to: 'open', reason: 'failure-rate' })
  client.instances[3]!.state = 'open'
  await clock.step()
  await clock.step()
  expect(before).toBe(35)
  using page = await openStream(`${served.url}events?after=${last}`, {}, told)
  await upToDate(page)
  expect(page.events.map(({ id }) => id)).toEqual([last + 1, last + 2])
  // A page that has lost its state.
  using fresh = await openStream(`${served.url}events?after=${last}`)
  await upToDate(fresh)
  const [first] = fresh.events
  expect(first?.sent['whole']).toBeDefined()
  expect(first?.id).toBeLessThanOrEqual(last + 1)
  expect(fresh.events.length).toBeLessThan(10)
  expect(servicesOf(fresh)).toEqual(servicesOf(page))
  expect(page.events.flatMap(({ frame }) => frame.lines as unknown[])).toHaveLength(1)
})

it('A page that does not read misses frames, and then gets one frame with the lines of all of them', async () => {
  const sampler = new Sampler([client.shown], clock, 4 * 1024 * 1024)
  const written: string[] = []
  const response = Object.assign(new EventEmitter(), {
    writableLength: 0,
    writeHead: () => {},
    write: (piece: unknown) => written.push(String(piece)),
  })
  stream(sampler, { headers: {}, url: '/events' } as IncomingMessage, response as unknown as ServerResponse)
  const step = async (name: string): Promise<void> => {
    client.tell('instance:added', name, { instances: 1_000 })
    client.call(name, 5)
    await clock.step()
  }
  await step('pod-0')
  await step('pod-1')
  expect(written).toHaveLength(3)
  response.writableLength = 2 * 1024 * 1024
  await step('pod-2')
  await step('pod-3')
  // Until everything is read, the page gets nothing. Then it gets the current state.
  response.writableLength = 1
  await step('pod-4')
  expect(written).toHaveLength(3)
  response.writableLength = 0
  await step('pod-5')
  await step('pod-6')
  expect(written).toHaveLength(5)
  const [merged, next] = written
    .slice(3)
    .map((event) => JSON.parse(event.slice(event.indexOf('{'))) as Record<string, unknown[]>)
  expect(merged?.['whole']).toBeDefined()
  expect(
    JSON.stringify(merged?.['lines'])
      .match(/instance pod-\d/g)
      ?.join(),
  ).toBe('instance pod-2,instance pod-3,instance pod-4,instance pod-5')
  expect(next?.['whole']).toBeUndefined()
  expect(next?.['lines']).toHaveLength(1)
  response.emit('close')
  await step('pod-7')
  expect(written).toHaveLength(5)
  sampler.close()
})

it('Without a history each page starts with a complete frame, even 200 pages', async () => {
  await using none = await serveDashboard(client.shown, { clock, history: 0 })
  const pages = await Promise.all(Array.from({ length: 200 }, () => openStream(`${none.url}events`)))
  await clock.step()
  await clock.step()
  await Promise.all(pages.map(upToDate))
  for (const page of pages) {
    expect(page.events).toHaveLength(2)
    expect(servicesOf(page)).toEqual(servicesOf(pages[0]!))
    page[Symbol.dispose]()
  }
})

it('A connection that is reset during a frame does not affect the other pages', async () => {
  using page = await opened()
  const rude = request(`${served.url}events`)
  rude
    .on('error', () => {})
    .on('response', (response) => {
      response.on('error', () => {})
      response.once('data', () => response.socket.resetAndDestroy())
    })
  rude.end()
  for (let step = 0; step < 5; step++) await clock.step()
  await upToDate(page)
  expect(page.events).toHaveLength(5)
})

it('The stored frames fit in the history, however small, and start with a complete one', () => {
  const service = (calls: number): ServiceFrame => ({
    name: 'svc',
    ready: true,
    stale: false,
    sourceError: undefined,
    calls,
    failed: 0,
    p50: undefined,
    p99: undefined,
    retries: 0,
    hedges: 0,
    refused: 0,
    budget: 10,
    limits: [],
    mirrors: [],
    instances: [],
    routes: [],
    latencies: Array.from({ length: 20 }, (_, n) => n * calls),
  })
  for (const most of [0, 1, 700, 1_500, 100_000]) {
    const frames = new SentFrames(1_000, most)
    for (let at = 1; at <= 200; at++) {
      frames.add({ at, services: new Map([['svc', shapeOf(service(at))]]), lines: [], dropped: 0 })
      const all = frames.after(-1, Infinity)
      expect(all.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(most)
      if (all.length > 0) expect(String(all[0]?.bytes)).toContain('"whole":1000')
    }
    expect(frames.after(1_200, 10)).toEqual([])
    expect(frames.after(9_999, Infinity)).toEqual(frames.after(-1, Infinity))
    expect(frames.merged(9_999).id).toBe(1_200)
  }
})
