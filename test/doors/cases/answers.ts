import { setTimeout as sleep } from 'node:timers/promises'
import zlib from 'node:zlib'
import { echo, ok, reply, reset, truncate, type Answer } from '../../support/http-server.ts'
import { form, get, send, type Case } from './case.ts'

const encoded =
  (encoding: string, body: Buffer | Uint8Array): Answer =>
  (_request, response) =>
    response.writeHead(200, { 'content-encoding': encoding }).end(body)

const text = Buffer.from('compressed '.repeat(1000))

export const answers: readonly Case[] = [
  get('200', '/', reply(200, 'grüße', { 'content-type': 'text/plain', 'X-Mixed-Case': 'A' })),
  get('a reason phrase', '/', (_request, response) => response.writeHead(299, 'Very well').end()),
  ...[201, 204, 205, 206, 304, 400, 401, 404, 407, 410, 421, 429, 500, 503, 599].map((status) =>
    get(`${status}`, '/', reply(status, [204, 304].includes(status) ? '' : 'body')),
  ),
  get('several cookies', '/', (_request, response) =>
    response
      .writeHead(200, ['set-cookie', 'a=1; Path=/', 'set-cookie', 'b=2, c=3', 'vary', 'a', 'vary', 'b'])
      .end(),
  ),
  get('headers in Latin-1', '/', (_request, response) =>
    response.writeHead(200, { 'x-latin': 'gr\u00fc\u00dfe' }).end(),
  ),
  send('HEAD', () => ({ method: 'HEAD' }), reply(200, '', { 'content-length': '5' })),
  send(
    'HEAD to a compressed resource',
    () => ({ method: 'HEAD' }),
    reply(200, '', { 'content-encoding': 'gzip' }),
  ),
  get('gzip', '/', encoded('gzip', zlib.gzipSync(text))),
  get('x-gzip in capitals', '/', encoded('X-GZIP', zlib.gzipSync(text))),
  get('deflate', '/', encoded('deflate', zlib.deflateSync(text))),
  get('raw deflate', '/', encoded('deflate', zlib.deflateRawSync(text))),
  get('br', '/', encoded('br', zlib.brotliCompressSync(text))),
  get('zstd', '/', encoded('zstd', zlib.zstdCompressSync(text))),
  get('gzip within br', '/', encoded('gzip, br', zlib.brotliCompressSync(zlib.gzipSync(text)))),
  get('an encoding nobody knows', '/', encoded('nonsense', text)),
  get('gzip that is none', '/', encoded('gzip', text)),
  get('gzip cut short', '/', encoded('gzip', zlib.gzipSync(text).subarray(0, 40))),
  get('trailers', '/', (_request, response) => {
    response.writeHead(200, { trailer: 'x-after' }).write('body')
    response.addTrailers({ 'x-after': '1' })
    response.end()
  }),
  get('early hints', '/', (_request, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    response.writeHead(200).end('after hints')
  }),
  get('a body in pieces', '/', async (_request, response) => {
    for (const piece of ['one ', 'two ', 'three']) {
      response.write(piece)
      await sleep(2)
    }
    response.end()
  }),
  get('no body at all', '/', (_request, response) =>
    response.writeHead(200, { 'content-length': '0' }).end(),
  ),
  get('a body cut short', '/', truncate),
  get('a reset instead of an answer', '/', reset),
  get('an end instead of an answer', '/', (request) => request.socket.end()),
  get('bytes that are no HTTP', '/', (request) => request.socket.end('SSH-2.0-OpenSSH_9.6\r\n')),
  get('headers too large', '/', (request) =>
    request.socket.end(`HTTP/1.1 200 OK\r\nx-large: ${'x'.repeat(20_000)}\r\n\r\n`),
  ),
  get('a longer body than it said', '/', (request) =>
    request.socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nlonger'),
  ),
  get('HTTP/1.0', '/', (request) => request.socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end')),
  {
    name: 'a clone',
    answers: [ok],
    call: async (fetch, url) => {
      const response = await fetch(url)
      const copy = response.clone()
      return Response.json([
        await response.text(),
        await copy.text(),
        response.bodyUsed,
        copy.url === response.url,
      ])
    },
  },
  {
    name: 'json, blob and formData',
    answers: [echo],
    call: async (fetch, url) => {
      const init = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }
      const json: unknown = await (await fetch(url, init)).json()
      const blob = await (await fetch(url, init)).blob()
      const data = await (await fetch(url, { method: 'POST', body: form() })).formData()
      return Response.json([
        json,
        blob.type,
        await blob.text(),
        [...data.keys()],
        (data.get('photo') as File).name,
      ])
    },
  },
  {
    name: 'invalid JSON',
    answers: [ok],
    call: async (fetch, url) => Response.json(await (await fetch(url)).json()),
  },
]
