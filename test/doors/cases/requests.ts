import { hash } from 'node:crypto'
import { redirect, reply } from '../../support/http-server.ts'
import { send, stream, type Case, type Init } from './case.ts'

export const requests: readonly Case[] = [
  ...[
    'GET',
    'get',
    'POST',
    'post',
    'Delete',
    'OPTIONS',
    'PATCH',
    'patch',
    'QUERY',
    'CONNECT',
    'TRACE',
    'a b',
  ].map((method) => send(`method ${method}`, () => ({ method }), reply(200, 'ok'))),
  send('header casing and repetition', () => ({
    headers: [
      ['X-Mixed-Case', 'A'],
      ['accept', 'text/plain'],
      ['x-mixed-case', 'b'],
    ],
  })),
  send('Headers', () => ({ headers: new Headers({ 'X-A': '1', cookie: 'a=1; b=2' }) })),
  send('a user-agent', () => ({ headers: { 'User-Agent': 'mine/1', 'Accept-Encoding': 'identity' } })),
  send('a Host of the caller’s own', () => ({ headers: { Host: 'tenant.example' } })),
  send('an invalid header name', () => ({ headers: { 'a b': '1' } })),
  send('an invalid header value', () => ({ headers: { a: '1\r\nx-injected: 2' } })),
  send('a header value that is no ByteString', () => ({ headers: { a: 'π' } })),
  send('keepalive', () => ({ method: 'POST', body: 'x', keepalive: true })),
  send('keepalive with a stream', () => ({
    method: 'POST',
    body: stream('x'),
    duplex: 'half',
    keepalive: true,
  })),
  ...(['no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'] as const).map((cache) =>
    send(`cache ${cache}`, () => ({ cache }) as Init),
  ),
  ...(['cors', 'no-cors', 'same-origin', 'navigate', 'nonsense'] as const).map((mode) =>
    send(`mode ${mode}`, () => ({ mode }) as unknown as Init),
  ),
  send('credentials omit', () => ({ credentials: 'omit', headers: { authorization: 'a', cookie: 'b' } })),
  send('a referrer', () => ({ referrer: 'http://referrer.example/a', referrerPolicy: 'unsafe-url' })),
  send('no referrer', () => ({ referrer: '', referrerPolicy: 'no-referrer' })),
  send('an invalid referrer', () => ({ referrer: 'http://[' })),
  send('an invalid referrerPolicy', () => ({ referrerPolicy: 'nonsense' as 'origin' })),
  send('a priority of fetch’s own', () => ({ priority: 'high' }) as Init),
  send('duplex full', () => ({ method: 'POST', body: stream('x'), duplex: 'full' as 'half' })),
  send('a window', () => ({ window: {} }) as unknown as Init),
  send('a signal that is none', () => ({ signal: {} as AbortSignal })),
  send('options nobody knows', () => ({ nonsense: true }) as Init),
  send(
    'a correct integrity',
    () => ({ integrity: 'sha256-J0CUuNpyNN4KAH6lE0yKBBO+Vcr2rS0JlMyGEhgFzVg=' }),
    reply(200, 'not it'),
  ),
  send('integrity', () => ({ integrity: `sha256-${sha256('exactly this')}` }), reply(200, 'exactly this')),
  send(
    'integrity after a redirect',
    () => ({ integrity: `sha256-${sha256('this')}` }),
    redirect('/b'),
    reply(200, 'this'),
  ),
]

function sha256(text: string): string {
  return hash('sha256', text, 'base64')
}
