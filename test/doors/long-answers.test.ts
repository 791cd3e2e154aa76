import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { collect, instanceOf, outcomes } from '../support/events.ts'
import { startServer, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const TICK = 15

/** Server-sent events, one every few milliseconds. */
const events: Answer = async (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (let id = 0; !response.destroyed; id++) {
    response.write(`id: ${id}\ndata: tick\n\n`)
    await sleep(TICK)
  }
}

const silent: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('data: first\n\n')
}

const doors: [string, (client: Client) => Promise<AsyncIterable<Uint8Array>>][] = [
  ['fetch', async (client) => (await client('/events')).body!],
  ['request', async (client) => (await client.request('/events')).body],
]

const read = async (body: AsyncIterable<Uint8Array>): Promise<number> => {
  let count = 0
  for await (const chunk of body) count += Buffer.from(chunk).toString().match(/tick/g)?.length ?? 0
  return count
}

describe.each(doors)('a long response, through %s,', (_door, open) => {
  it('may last longer than the timeouts of the call, which end at its headers', async () => {
    const { promise: late, resolve: goOn } = Promise.withResolvers<void>()
    await using server = await startServer(async (_request, response) => {
      response.writeHead(200).write('tick')
      await late
      response.end('tick')
    })
    const clock = new ManualClock()
    await using client = createClient({
      service: 'user-service',
      source: fixed([server.url]),
      timeout: { total: 1000, attempt: 500 },
      clock,
    })
    const seen = outcomes(client)
    const body = await open(client)
    expect(seen).toEqual([`${server.host} success`])
    await clock.advance(3_600_000)
    goOn()
    expect(await read(body)).toBe(2)
    expect(server.requests).toHaveLength(1)
    expect(instanceOf(client, server.host)).toMatchObject({
      inFlight: 0,
      settled: { success: 1, failure: 0 },
    })
  })

  it('counts as load until it ends, but no longer as pending', async () => {
    await using server = await startServer(events)
    await using client = createClient({ service: 'user-service', source: fixed([server.url]) })
    const body = await open(client)
    const reader = body[Symbol.asyncIterator]()
    await reader.next()
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 1, pending: 0 })
    await reader.return?.()
    await until(() => instanceOf(client, server.host).inFlight === 0)
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 1, failure: 0 })
  })

  it('ends after timeout.idle without data, as a failure of the instance, and is not retried', async () => {
    await using server = await startServer(silent)
    await using client = createClient({
      service: 'user-service',
      source: fixed([server.url]),
      timeout: { idle: 2 * TICK },
    })
    const retries = collect(client, 'call:retry')
    await expect(open(client).then(read)).rejects.toMatchObject({ name: 'TimeoutError' })
    await until(() => instanceOf(client, server.host).inFlight === 0)
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 0, failure: 1 })
    expect(retries).toEqual([])
  })

  it('does not exceed timeout.idle because its reader is slow', async () => {
    const big = Buffer.alloc(4_000_000, 'x')
    await using server = await startServer((_request, response) => response.end(big))
    await using client = createClient({
      service: 'user-service',
      source: fixed([server.url]),
      timeout: { idle: 2 * TICK },
    })
    let bytes = 0
    for await (const chunk of await open(client)) {
      if (bytes === 0) await sleep(6 * TICK)
      bytes += chunk.length
    }
    expect(bytes).toBe(big.length)
  })
})

it('a reader like EventSource ends with its own reason, which counts against no instance', async () => {
  await using server = await startServer(events)
  await using client = createClient({ service: 'user-service', source: fixed([server.url]) })
  const controller = new AbortController()
  const { body } = await client('/events', { signal: controller.signal })
  const reason = new Error('unsubscribed')
  const reading = read(body!)
  controller.abort(reason)
  await expect(reading).rejects.toBe(reason)
  await until(() => server.open === 0)
  expect(instanceOf(client, server.host).settled).toMatchObject({ success: 1, failure: 0 })
})
