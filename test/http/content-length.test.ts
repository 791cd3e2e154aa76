import { expect, it } from 'vitest'
import { createClient, fixed } from '../../src/index.ts'
import { reply, startServer } from '../support/http-server.ts'

// On Node 22, fetch appends the Content-Length that it computes to the caller's: '5, 5'.
it.each<[string, RequestInit['headers']]>([
  ['Content-Length', { 'Content-Length': '5' }],
  ['content-length', { 'content-length': '5' }],
  ['CONTENT-LENGTH', { 'CONTENT-LENGTH': '5' }],
  ['a number', { 'Content-Length': 5 as never }],
  ['a list', [['Content-Length', '5']]],
  ['Headers', new Headers({ 'Content-Length': '5' })],
])('a Content-Length that the caller has set is sent once: %s', async (_name, headers) => {
  await using server = await startServer(reply(200, 'ok'))
  await using client = createClient({ service: 'svc', source: fixed([server.url]) })
  const init = { method: 'POST', body: 'hello', headers } as RequestInit
  expect((await client('/', init)).status).toBe(200)
  expect((await client(new Request('http://svc/', init))).status).toBe(200)
  expect(server.headers.map((sent) => sent['content-length'])).toEqual(['5', '5'])
})
