import { afterEach, describe, expect, it } from 'vitest'
import { MockAgent } from 'undici'
import { createClient, type Client } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'

const original = globalThis.fetch

afterEach(() => {
  globalThis.fetch = original
})

const HOST = '127.0.0.1:9'

/** A client whose instance gets no request, because fetch is replaced by a mock with this response. */
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
  ])('may return an object that has %s', async (_name, answer) => {
    for (const options of [{}, { coalesce: true, stale: { maxAge: 1000 } }]) {
      await using client = mocked(answer, options)
      expect(await client('/users/42')).toBe(answer)
      expect(settled(client)).toMatchObject({ inFlight: 0, settled: { success: 1 } })
    }
  })

  it('may return only a status, which is retried', async () => {
    const answer = { status: 503, body: 'no stream' }
    await using client = mocked(answer)
    expect(await client('/')).toBe(answer)
    expect(settled(client)).toMatchObject({ inFlight: 0, settled: { failure: 2 } })
  })

  it('that returns undefined makes the call fail, and not hang', async () => {
    await using client = mocked(undefined)
    await expect(client('/')).rejects.toThrow(TypeError)
    expect(settled(client)).toMatchObject({ inFlight: 0, settled: { ignored: 1 } })
  })
})

describe('a mock that fails while it reads the caller’s body', () => {
  const broken = (): ReadableStream =>
    new ReadableStream({ pull: (controller) => controller.error(new Error('disk')) }, { highWaterMark: 0 })
  async function* generator(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1)
    throw new Error('disk')
  }
  const readAndFail = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    await new Request(input, init).text()
    throw new Error('not reached')
  }
  const post = (body: unknown): RequestInit =>
    ({ method: 'POST', body, duplex: 'half' }) as unknown as RequestInit

  it.each<[string, (client: Client) => Promise<Response>]>([
    ['a stream', (client) => client('/', post(broken()))],
    ['a function that makes a stream', (client) => client('/', post(broken))],
    ['a Request', (client) => client(new Request('http://user-service/', post(broken())))],
    ['a generator', (client) => client('/', post(generator()))],
  ])('counts against no instance: %s', async (_name, call) => {
    await using client = mocked(undefined)
    globalThis.fetch = readAndFail
    await expect(call(client)).rejects.toThrow('disk')
    expect(settled(client)).toMatchObject({ inFlight: 0, settled: { ignored: 1, failure: 0 } })
  })

  it('counts against the instance if the network failed and not the body', async () => {
    const fine = new Blob(['fine']).stream()
    await using client = mocked(undefined)
    globalThis.fetch = () => Promise.reject(new TypeError('fetch failed'))
    await expect(client('/', post(fine))).rejects.toThrow('fetch failed')
    expect(settled(client)).toMatchObject({ inFlight: 0, settled: { failure: 1 } })
  })
})

describe('undici’s MockAgent as transport', () => {
  const typesSeen = async (call: (client: Client) => Promise<{ status?: number }>): Promise<unknown[]> => {
    const agent = new MockAgent()
    agent.disableNetConnect()
    const seen: unknown[] = []
    const body = (value: unknown): boolean => seen.push(value) > 0
    agent.get(`http://${HOST}`).intercept({ path: '/', method: 'POST', body }).reply(201).persist()
    await using client = createClient({
      service: 'user-service',
      source: fixed([`http://${HOST}`]),
      transport: ({ url }) => agent.get(url),
    })
    await call(client)
    return seen
  }

  it('matches the body that the caller of fetch has passed', async () => {
    const init = { method: 'POST', body: '{"name":"Ada"}' }
    expect(await typesSeen((client) => client('/', init))).toEqual([init.body])
  })

  it('is detected, and any other transport gets the body as fetch encodes it', async () => {
    const bodies: unknown[] = []
    await using client = createClient({
      service: 'user-service',
      source: fixed([`http://${HOST}`]),
      retry: false,
      transport: () =>
        ({
          dispatch: ({ body }: { body: unknown }) => {
            bodies.push(typeof body)
            throw new Error('no network here')
          },
          close: async () => {},
          destroy: async () => {},
        }) as never,
    })
    await expect(client('/', { method: 'POST', body: 'x' })).rejects.toThrow('no network here')
    expect(bodies).toEqual(['object'])
  })
})
