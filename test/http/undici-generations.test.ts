import { expect, it } from 'vitest'
import * as undici5 from 'undici5'
import * as undici6 from 'undici6'
import * as undici7 from 'undici7'
import * as undici8 from 'undici'
import { createClient, fixed, outrigger } from '../../src/index.ts'
import { reply, startServer } from '../support/http-server.ts'

interface Answer {
  readonly statusCode: number
  readonly body: { text(): Promise<string> }
}

/** What all generations have in common here. */
interface Undici {
  request(url: string, options: object): Promise<Answer>
  fetch(url: string, options: object): Promise<{ text(): Promise<string> }>
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
