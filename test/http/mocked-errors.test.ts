import { afterEach, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'

const original = globalThis.fetch

afterEach(() => {
  globalThis.fetch = original
})

function clientOf(): Client {
  return createClient({
    service: 'svc',
    source: fixed(['http://127.0.0.1:1', 'http://127.0.0.2:1']),
    balance: inOrder,
    retry: { attempts: 2, backoff: { initial: 1, max: 1 } },
    breaker: { failureThreshold: 2, openFor: 60_000 },
  })
}

describe('a replacement of fetch that rejects', () => {
  it.each([
    [
      'as the platform does',
      new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) }),
    ],
    ['as a browser does', new TypeError('Failed to fetch')],
    ['with an error of its own', new Error('network down')],
    ['with a code', Object.assign(new Error('x'), { code: 'ECONNREFUSED' })],
  ])('%s is a failure of the instance, and the call goes to another', async (_name, error) => {
    let calls = 0
    globalThis.fetch = () => (++calls % 2 === 1 ? Promise.reject(error) : Promise.resolve(new Response('ok')))
    await using client = clientOf()
    expect(await (await client('/')).text()).toBe('ok')
    expect(client.snapshot().instances.map(({ settled }) => settled)).toMatchObject([
      { failure: 1 },
      { success: 1 },
    ])
    globalThis.fetch = () => Promise.reject(error)
    for (let call = 0; call < 4; call++) await client('/').catch(() => {})
    expect(client.snapshot().instances.map(({ breaker }) => breaker)).toEqual(['open', 'open'])
    expect(client.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([0, 0])
  })

  it('a POST is not sent again, because it may have been processed', async () => {
    let calls = 0
    globalThis.fetch = () => {
      calls++
      return Promise.reject(new TypeError('fetch failed'))
    }
    await using client = clientOf()
    await expect(client('/', { method: 'POST', body: 'x' })).rejects.toThrow('fetch failed')
    expect(calls).toBe(1)
  })
})

it.each<[string, RequestInit]>([
  ['a body beside GET', { body: 'x' }],
  ['a header that cannot be', { headers: { 'bad name': 'x' } }],
  ['an unknown mode', { mode: 'nope' as 'cors' }],
])('a rejection of %s by the platform’s fetch counts as the caller’s mistake', async (_name, init) => {
  await using client = clientOf()
  await expect(client('/', init)).rejects.toThrow(TypeError)
  expect(client.snapshot().instances.map(({ settled }) => settled)).toMatchObject([
    { failure: 0 },
    { failure: 0 },
  ])
})

it.each<[string, Error]>([
  [
    'a request that cannot be',
    Object.assign(new TypeError('fetch failed'), { cause: { code: 'UND_ERR_INVALID_ARG' } }),
  ],
  ['an abort', Object.assign(new TypeError('fetch failed'), { cause: { code: 'UND_ERR_ABORTED' } })],
])('a mock that rejects for %s does not count against the instance', async (_name, error) => {
  globalThis.fetch = () => Promise.reject(error)
  await using client = clientOf()
  for (let call = 0; call < 4; call++) await client('/').catch(() => {})
  expect(client.snapshot().instances.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
})
