import { describe, expect, it } from 'vitest'
import { createClient, type Client } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { instanceOf } from '../support/events.ts'
import { cert, startSecureServer } from '../support/tls.ts'

function secure(url: string, allowH2: boolean, service = 'user-service'): Client {
  return createClient({
    service,
    source: fixed([url]),
    retry: false,
    transport: { allowH2, connect: { ca: cert } },
  })
}

describe.each([
  ['HTTP/1.1', false, '1.1'],
  ['HTTP/2', true, '2.0'],
])('over TLS, %s', (_name, allowH2, version) => {
  it('SNI, the certificate check and the authority use the logical host', async () => {
    await using server = await startSecureServer()
    await using client = secure(server.url, allowH2)
    const response = await client('https://user-service/', { method: 'POST', body: 'hello' })
    expect(await response.text()).toBe('hello')
    expect(response.url).toBe('https://user-service/')
    expect(server.seen).toEqual([`${version} user-service user-service`])
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, settled: { success: 1 } })
  })

  it('request() does the same', async () => {
    await using server = await startSecureServer()
    await using client = secure(server.url, allowH2)
    const { body } = await client.request('/', { method: 'POST', body: 'hello' })
    expect(await body.text()).toBe('hello')
    expect(server.seen).toEqual([`${version} user-service user-service`])
  })

  it.each([
    ['an object', { Host: 'user-service' }],
    ['a list', ['host', 'user-service']],
    ['pairs', new Map([['Host', 'user-service']])],
  ])('the certificate must match a Host header that the caller has set, in %s', async (_form, headers) => {
    await using server = await startSecureServer()
    await using client = secure(server.url, allowH2, 'order-service')
    const { body } = await client.request('/', { headers })
    await body.dump()
    expect(server.seen).toEqual([`${version} user-service user-service`])
  })

  it('nothing is sent to an instance whose certificate is for another name', async () => {
    await using server = await startSecureServer()
    await using client = secure(server.url, allowH2, 'order-service')
    await expect(client('/')).rejects.toMatchObject({ cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
    expect(server.seen).toEqual([])
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, settled: { failure: 1 } })
  })
})
