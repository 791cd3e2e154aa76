import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createClient, fixed, type ClientOptions } from '../../src/index.ts'

const closing: (() => unknown)[] = []
let isDown = false
afterEach(async () => {
  isDown = false
  for (const close of closing.splice(0).toReversed()) await close()
})

/** A server that sends this text in response to every request. */
async function serve(answer: string): Promise<string> {
  const server = createServer((socket) => {
    closing.push(() => socket.destroy())
    if (isDown) socket.destroy()
    socket
      .on('error', () => {})
      .on('data', () => (isDown ? socket.destroy() : socket.write(answer, 'latin1')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ANSWERS: [name: string, line: string][] = [
  ['a status above 599', '999 Odd'],
  ['a reason phrase that is not valid text', '200 \u00e9\u0001'],
]
const OPTIONS: [name: string, options: Partial<ClientOptions>][] = [
  ['stale', { stale: { maxAge: 60_000 } }],
  ['coalesce', { coalesce: true }],
  ['maxResponseSize', { maxResponseSize: 1_000 }],
]
const show = async ({ status, statusText, ok, type, headers }: Response, text: string): Promise<unknown> => ({
  status,
  statusText,
  ok,
  type,
  length: headers.get('content-length'),
  text,
})

it.each(
  ANSWERS.flatMap(([answer, line]) => OPTIONS.map(([name, own]) => [name, answer, own, line] as const)),
)('%s hands on %s, as fetch does, to each caller and each clone', async (_name, _answer, own, line) => {
  const url = await serve(`HTTP/1.1 ${line}\r\ncontent-length: 2\r\n\r\nok`)
  const fetched = await fetch(`${url}/a`)
  const expected = await show(fetched, await fetched.text())
  const client = createClient({ service: 'svc', source: fixed([url]), ...own })
  closing.push(() => client.close())
  const answers = await Promise.all([client('/a'), client('/a')])
  for (const response of answers) {
    const clone = response.clone()
    expect(await show(clone, await clone.text())).toEqual(expected)
    expect(await show(response, await response.text())).toEqual(expected)
  }
})

it('stale stores a response whose reason phrase is not valid text, and serves it with that reason', async () => {
  const url = await serve('HTTP/1.1 200 \u0001\r\ncontent-length: 2\r\n\r\nok')
  const client = createClient({
    service: 'svc',
    source: fixed([url]),
    retry: false,
    stale: { maxAge: 60_000 },
  })
  closing.push(() => client.close())
  expect(await (await client('/a')).text()).toBe('ok')
  isDown = true
  const kept = await client('/a')
  expect(kept.headers.has('x-outrigger-stale')).toBe(true)
  expect([kept.status, kept.statusText, kept.ok, await kept.text()]).toEqual([200, '\u0001', true, 'ok'])
})
