import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { startServer, type Answer } from '../support/http-server.ts'

const clientOf = (url: string): Client =>
  createClient({ service: 'svc', source: fixed([url]), maxResponseSize: 100_000, retry: false })

const bytes =
  (count: number): Answer =>
  (_request, response) =>
    response.end(Buffer.alloc(count, 'x'))
const packed: Answer = (_request, response) => {
  response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10_000_000)))
}

describe('maxResponseSize', () => {
  it('passes a body on unchanged that is not larger', async () => {
    await using server = await startServer(bytes(100_000))
    await using client = clientOf(server.url)
    const response = await client('/a')
    expect(response).toBeInstanceOf(Response)
    expect(response.url).toBe('http://svc/a')
    expect(await response.text()).toHaveLength(100_000)
    const { body } = await client.request('/a')
    expect(await body.text()).toHaveLength(100_000)
  })

  it('ends a body that is larger on the wire, on every door, and holds no load', async () => {
    await using server = await startServer(bytes(200_000))
    await using client = clientOf(server.url)
    await expect((async () => (await client('/')).text())()).rejects.toThrow('terminated')
    await expect((async () => (await client.request('/')).body.text())()).rejects.toThrow(
      /exceeded max size/i,
    )
    expect(client.snapshot().instances[0]?.inFlight).toBe(0)
  })

  it('ends a body that is larger after decoding, for fetch', async () => {
    await using server = await startServer(packed)
    await using client = clientOf(server.url)
    const text = (async () => (await client('/')).text())()
    await expect(text).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_TOO_LARGE' })
  })

  it('must be a number of bytes, and cannot be used with a function as transport', () => {
    const make = (more: object): Client => createClient({ service: 'svc', source: fixed([]), ...more })
    expect(() => make({ maxResponseSize: '1mb' })).toThrow("maxResponseSize must be a number, got '1mb'")
    expect(() => make({ maxResponseSize: 1, transport: () => undefined as never })).toThrow(
      'maxResponseSize cannot be used with a function as transport',
    )
  })
})
