import { expect, it } from 'vitest'
import * as undici5 from 'undici5'
import * as undici6 from 'undici6'
import * as undici7 from 'undici7'
import * as undici8 from 'undici'
import type { Dispatcher } from 'undici'
import { createClient, fixed, outrigger } from '../../src/index.ts'
import { hang, reply, startServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

interface Answer {
  readonly statusCode: number
  readonly body: { text(): Promise<string> }
}

/** What all versions of undici have in common here. */
interface Undici {
  request(url: string, options: object): Promise<Answer>
  fetch(url: string, options: object): Promise<{ text(): Promise<string> }>
  readonly Pool: new (url: string) => Dispatcher
  readonly Agent: new () => { compose?: (interceptor: unknown) => unknown }
}

const generations = Object.entries({ undici5, undici6, undici7, undici8 } as unknown as Record<
  string,
  Undici
>)

it.each(generations)('client.dispatcher works as a dispatcher of %s', async (_name, { request, fetch }) => {
  await using server = await startServer(reply(200, 'ok'))
  await using client = createClient({ service: 'svc', source: fixed([server.url]) })
  const { dispatcher } = client
  const answer = await request('http://svc/a', { dispatcher, method: 'POST', body: 'x' })
  expect([answer.statusCode, await answer.body.text()]).toEqual([200, 'ok'])
  expect(await (await fetch('http://svc/b', { dispatcher })).text()).toBe('ok')
  expect(server.requests).toEqual(['POST /a', 'GET /b'])
  expect(client.snapshot().instances).toMatchObject([{ inFlight: 0, settled: { success: 2 } }])
})

it.each(generations.filter(([name]) => name !== 'undici5'))(
  'outrigger() composes with an Agent of %s',
  async (_name, { request, Agent }) => {
    await using server = await startServer(reply(200, 'ok'))
    await using client = createClient({ service: 'svc', source: fixed([server.url]) })
    const dispatcher = new Agent().compose?.(outrigger(client))
    const answer = await request('http://svc/a', { dispatcher })
    expect(await answer.body.text()).toBe('ok')
    expect(client.snapshot().instances).toMatchObject([{ inFlight: 0, settled: { success: 1 } }])
  },
)

it.each(generations)('a Pool of %s works as transport', async (_name, { Pool }) => {
  await using server = await startServer(
    reply(200, 'x'.repeat(300_000), { 'set-cookie': ['a=1', 'b=2'] as never }),
    reply(503),
    hang,
    (request) => request.socket.destroy(),
  )
  await using client = createClient({
    service: 'svc',
    source: fixed([server.url]),
    retry: false,
    breaker: false,
    transport: ({ url }) => new Pool(url),
  })
  const response = await client('/a')
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  expect((await response.text()).length).toBe(300_000)
  const { statusCode, body } = await client.request('/b', { method: 'POST', body: 'x' })
  await body.dump()
  expect(statusCode).toBe(503)
  await expect(client('/c', { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
    name: 'TimeoutError',
  })
  await expect(client.request('/d')).rejects.toThrow(Error)
  await until(() => client.snapshot().instances[0]?.inFlight === 0)
  expect(client.snapshot().instances[0]?.settled).toMatchObject({ success: 1 })
})
