import type { Fetch } from '../../../src/attempt/platform.ts'
import { echo } from '../../support/http-server.ts'
import { get, type Case } from './case.ts'

export const inputs: readonly Case[] = [
  get('a string', '/users/42?x=1'),
  get('a string with a fragment', '/users?x=1#part'),
  get('a string with an empty query', '/users?'),
  get('a string with an empty query and a fragment', '/users?#part?'),
  get('a string with an empty query and an empty fragment', '/users?#'),
  get('a string with a question mark in its fragment', '/users#part?'),
  get('a string without a path', ''),
  get('a path to be normalised', '/a/./b/../c//d'),
  get('a path to be encoded', '/grüße/a b?q=ü "x"'),
  get('a path that is encoded', '/a%2Fb/%C3%BC?q=%20'),
  get('a path that looks like another host', '//evil.example/x'),
  { name: 'capitals', call: (fetch, url) => fetch(`${url.toUpperCase()}/A`) },
  { name: 'spaces around it', call: (fetch, url) => fetch(`  ${url}/a\n`) },
  { name: 'a URL with an empty query', call: (fetch, url) => fetch(new URL('/users?', url)) },
  { name: 'a Request with an empty query', call: (fetch, url) => fetch(new Request(`${url}/users?#y`)) },
  { name: 'a URL', call: (fetch, url) => fetch(new URL('/users?x=1#y', url)) },
  {
    name: 'an object that prints as a URL',
    call: (fetch, url) => fetch({ toString: () => `${url}/o` } as URL),
  },
  { name: 'a Request', call: (fetch, url) => fetch(new Request(`${url}/r`, { headers: { 'X-A': '1' } })) },
  {
    name: 'a Request with a body',
    answers: [echo],
    call: (fetch, url) => fetch(new Request(url, { method: 'POST', body: 'in a Request' })),
  },
  {
    name: 'a Request and an init that overrides it',
    answers: [echo],
    call: (fetch, url) =>
      fetch(new Request(`${url}/r`, { method: 'POST', body: 'old', headers: { 'X-A': '1' } }), {
        method: 'PUT',
        body: 'new',
        headers: { 'X-B': '2' },
      }),
  },
  {
    name: 'a Request as the init',
    answers: [echo],
    call: (fetch, url) =>
      fetch(
        `${url}/other`,
        new Request(`${url}/r`, { method: 'PUT', body: 'moved', headers: { 'X-A': '1' } }),
      ),
  },
  {
    name: 'a Request in both places',
    answers: [echo],
    call: (fetch, url) =>
      fetch(
        new Request(`${url}/r`, { headers: { 'X-A': '1' } }),
        new Request(`${url}/s`, { method: 'PUT', body: 'second', headers: { 'X-B': '2' } }),
      ),
  },
  ...[
    { cache: 'no-store' } as const,
    { redirect: 'manual' } as const,
    { integrity: 'sha256-AAAA' },
    { mode: 'same-origin' } as const,
    { credentials: 'omit', headers: { cookie: 'a' } } as const,
    { method: 'patch' },
    { keepalive: true },
  ].map((init) => ({
    name: `a Request with ${Object.keys(init).join(' and ')}`,
    call: (fetch: Fetch, url: string) => fetch(new Request(`${url}/r`, init)),
  })),
  {
    name: 'a Request whose signal was aborted, and null for a signal',
    call: (fetch, url) => fetch(new Request(url, { signal: AbortSignal.abort() }), { signal: null }),
  },
  {
    name: 'a Request whose body was read',
    call: async (fetch, url) => {
      const request = new Request(url, { method: 'POST', body: 'once' })
      await request.text()
      return fetch(request)
    },
  },
  {
    name: 'a Request whose body is used up afterwards',
    answers: [echo],
    call: async (fetch, url) => {
      const request = new Request(url, { method: 'POST', body: 'once' })
      const response = await fetch(request)
      await response.text()
      return Response.json({ bodyUsed: request.bodyUsed })
    },
  },
  { name: 'null for an init', call: (fetch, url) => fetch(url, null as unknown as RequestInit) },
  { name: 'credentials', call: (fetch, url) => fetch(url.replace('//', '//user:secret@')) },
  { name: 'nothing', call: (fetch) => (fetch as () => Promise<Response>)() },
  { name: 'an absolute URL that is none', call: (fetch) => fetch('http://[') },
  { name: 'a scheme nobody knows', call: (fetch) => fetch('gopher://example/') },
  { name: 'a data: URL', call: (fetch) => fetch('data:text/plain;base64,aGVsbG8=') },
  {
    name: 'a blob: URL',
    call: (fetch) =>
      fetch(URL.createObjectURL(new Blob(['from a blob'], { type: 'text/plain' }))).then(withoutUrl),
  },
]

/** A blob: URL is random, so it is left out. */
async function withoutUrl(response: Response): Promise<Response> {
  return new Response(await response.text(), response)
}
