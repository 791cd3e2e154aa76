import { afterEach, describe, expect, it } from 'vitest'
import { createClient, type Client } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'

const original = globalThis.fetch

afterEach(() => {
  globalThis.fetch = original
})

const HOST = '127.0.0.1:9'

/** A client whose instance is never reached, because fetch answers with this. */
function mocked(answer: unknown, options: object = {}): Client {
  globalThis.fetch = (async () => answer) as unknown as typeof fetch
  return createClient({
    service: 'user-service',
    source: fixed([`http://${HOST}`]),
    retry: { backoff: 0, attempts: 2 },
    ...options,
  })
}

const settled = (client: Client): unknown => client.snapshot().instances[0]

describe('a mock of the global fetch', () => {
  it.each<[string, object]>([
    ['no headers', { ok: true, status: 200, json: async () => ({ id: 42 }) }],
    ['headers that can only be asked', { status: 200, headers: { get: () => null } }],
    ['no status', { ok: true }],
  ])('may answer with an object that has %s', async (_name, answer) => {
    for (const options of [{}, { coalesce: true, stale: { maxAge: 1000 } }]) {
      await using client = mocked(answer, options)
      expect(await client('/users/42')).toBe(answer)
      expect(settled(client)).toMatchObject({ inFlight: 0, settled: { success: 1 } })
    }
  })

  it('may fail with a bare status, which is tried again', async () => {
    const answer = { status: 503, body: 'no stream' }
    await using client = mocked(answer)
    expect(await client('/')).toBe(answer)
    expect(settled(client)).toMatchObject({ inFlight: 0, settled: { failure: 2 } })
  })

  it('that answers with nothing fails the call, and does not hang it', async () => {
    await using client = mocked(undefined)
    await expect(client('/')).rejects.toThrow(TypeError)
    expect(settled(client)).toMatchObject({ inFlight: 0, settled: { ignored: 1 } })
  })
})
