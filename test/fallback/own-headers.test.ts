import { expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { reply, startServer, type Answer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

// The option `headers` may send an identity, so these headers are part of the key, like the caller's own headers.

/** Responds with the token of the request. */
const whose: Answer = (request, response) => response.end(`of ${String(request.headers.authorization)}`)

function clientOf(server: TestServer, options: Partial<ClientOptions>): Client {
  return createClient({ service: 'user-service', source: fixed([server.url]), retry: false, ...options })
}

const text = async (client: Client, init?: RequestInit): Promise<string> => (await client('/me', init)).text()

it('a response stored for old headers is not served after an update', async () => {
  await using server = await startServer(whose)
  const stale = { maxAge: 60_000 }
  await using client = clientOf(server, { stale, headers: { authorization: 'tenant a' } })
  expect(await text(client)).toBe('of tenant a')
  client.update({ headers: { authorization: 'tenant b' } })
  server.behave(reply(503, 'broken'))
  expect(await text(client)).toBe('broken')
  client.update({ headers: { authorization: 'tenant a' } })
  expect(await text(client)).toBe('of tenant a')
})

it('a call after an update joins no request that was sent with the old headers', async () => {
  const waiting: (() => void)[] = []
  const late: Answer = (request, response) => waiting.push(() => whose(request, response))
  await using server = await startServer(late)
  await using client = clientOf(server, { coalesce: true, headers: { authorization: 'tenant a' } })
  const before = [text(client), text(client)]
  await until(() => waiting.length === 1)
  client.update({ headers: { authorization: 'tenant b' } })
  const after = text(client)
  await until(() => waiting.length === 2)
  for (const answer of waiting) answer()
  expect(await Promise.all([...before, after])).toEqual(['of tenant a', 'of tenant a', 'of tenant b'])
})

it('two routes with different `headers` share no response for the same URL', async () => {
  await using server = await startServer(whose)
  await using client = clientOf(server, {
    coalesce: true,
    routes: {
      'GET /me': { headers: { authorization: 'me' } },
      'GET /{name}': { headers: { authorization: 'anybody' } },
    },
  })
  const answers = await Promise.all([client('GET /me'), client('GET /{name}', { params: { name: 'me' } })])
  expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(['of me', 'of anybody'])
})

it('a header of the caller replaces one of the option, in the key as in the request', async () => {
  await using server = await startServer(whose)
  const stale = { maxAge: 60_000 }
  await using client = clientOf(server, { stale, headers: { authorization: 'tenant a' } })
  const own = { headers: { authorization: 'the caller' } }
  expect(await text(client, own)).toBe('of the caller')
  server.behave(reply(503, 'broken'))
  expect(await text(client)).toBe('broken')
  expect(await text(client, own)).toBe('of the caller')
})
