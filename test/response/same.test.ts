import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import * as fc from 'fast-check'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { describeError } from '../doors/observe.ts'
import { startServer, type TestServer } from '../support/http-server.ts'

/** What a server sends: chunks with pauses between them, and how the response ends. */
interface Script {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly pieces: readonly string[]
  readonly encoding: keyof typeof ENCODINGS
  readonly end: 'whole' | 'cut' | 'chunked'
}

const whole =
  (...steps: ((body: Buffer) => Buffer)[]) =>
  (body: string) => [steps.reduce<Buffer>((made, step) => step(made), Buffer.from(body))]

/** What the header says, and what is sent. */
const ENCODINGS = {
  none: ['', whole()],
  gzip: ['gzip', whole(gzipSync)],
  'x-gzip': ['x-gzip', whole(gzipSync)],
  br: ['br', whole(brotliCompressSync)],
  deflate: ['deflate', whole(deflateSync)],
  'raw deflate': ['deflate', whole(deflateRawSync)],
  // The fetch of Node 22 does not support it.
  zstd: ['zstd', whole(zstdCompressSync)],
  'in capitals': ['GZip', whole(gzipSync)],
  'two codings': ['gzip, br', whole(gzipSync, brotliCompressSync)],
  'three codings': ['deflate,x-gzip,\tdeflate', whole(deflateSync, gzipSync, deflateRawSync)],
  'zstd and more': ['zstd, gzip', whole(zstdCompressSync, gzipSync)],
  'an unknown coding': ['compress', whole(gzipSync)],
  'an unknown one of two': ['compress, gzip', whole(gzipSync)],
  'an empty coding': ['gzip,', whole(gzipSync)],
  halved: ['gzip', (body) => [gzipSync(body).subarray(0, 12)]],
  'halved br': ['br', (body) => [brotliCompressSync(body).subarray(0, 5)]],
  'halved zstd': ['zstd', (body) => [zstdCompressSync(body).subarray(0, 12)]],
  'halved deflate': ['deflate', (body) => [deflateSync(body).subarray(0, 7)]],
  'halved in two codings': ['gzip, br', (body) => [brotliCompressSync(gzipSync(body).subarray(0, 12))]],
  junk: ['gzip', (body) => [gzipSync(body), Buffer.from('junk')]],
  'junk after br': ['br', (body) => [brotliCompressSync(body), Buffer.from('junk')]],
  'junk after deflate': ['deflate', (body) => [deflateSync(body), Buffer.from('junk')]],
  'junk after zstd': ['zstd', (body) => [zstdCompressSync(body), Buffer.from('junk')]],
  twice: ['gzip', (body) => [gzipSync(body), gzipSync(body)]],
  'zstd twice': ['zstd', (body) => [zstdCompressSync(body), zstdCompressSync(body)]],
  false: ['gzip', whole()],
  'false zstd': ['zstd', whole()],
  'false deflate': ['deflate', whole()],
  empty: ['gzip', () => []],
  'empty zstd': ['zstd', () => []],
  'empty of two': ['gzip, br', () => []],
  'nothing, in two codings': ['gzip, br', () => [brotliCompressSync(gzipSync(''))]],
  bomb: ['gzip', () => [gzipSync(Buffer.alloc(1_000_000))]],
  'zstd bomb': ['zstd', () => [zstdCompressSync(Buffer.alloc(1_000_000))]],
} satisfies Record<string, [header: string, encode: (body: string) => Buffer[]]>

/** Cases with a long body in which the fetch of Node 22 never ends. */
const BROKEN = /false|junk|halved in|halved deflate/
const isUndici6 = process.versions['undici']?.startsWith('6.') === true
const encodings = (Object.keys(ENCODINGS) as (keyof typeof ENCODINGS)[]).filter(
  (name) => !isUndici6 || !BROKEN.test(name),
)

const scripts: fc.Arbitrary<Script> = fc.record({
  status: fc.constantFrom(200, 200, 201, 204, 206, 299, 304, 400, 401, 404, 500, 503),
  headers: fc.array(
    fc.constantFrom(
      ['content-type', 'application/json'] as const,
      ['content-type', 'text/plain;charset=utf-8'] as const,
      ['content-type', 'application/x-www-form-urlencoded'] as const,
      ['set-cookie', 'a=1'] as const,
      ['set-cookie', 'b=2, c=3'] as const,
      ['X-Mixed', 'gr\u00fc\u00dfe'] as const,
      ['vary', 'a'] as const,
      ['vary', 'b'] as const,
      ['empty', ''] as const,
      ['content-encoding', 'identity'] as const,
    ),
    { maxLength: 5 },
  ),
  pieces: fc.array(
    fc.constantFrom('{"a":1}', 'a=1&b=2', '\ufeff', 'gr\u00fc\u00dfe', '', 'x'.repeat(70_000)),
    { maxLength: 4 },
  ),
  encoding: fc.oneof({ weight: 2, arbitrary: fc.constant('none' as const) }, fc.constantFrom(...encodings)),
  end: fc.constantFrom('whole', 'whole', 'cut', 'chunked'),
})

/** What a program does with a response, step by step. Each step names one of the responses that exist then. */
type Step = readonly [name: keyof typeof STEPS, which: number]

/** Streams that the program locked and then left. They would hold their connections. */
const readers: ReadableStreamDefaultReader[] = []

const read = (name: string) => (response: Response) =>
  (Reflect.get(response, name) as () => Promise<unknown>).call(response).then(shown)

/** A step returns what it saw, and may add a response. */
const STEPS = {
  text: read('text'),
  json: read('json'),
  arrayBuffer: read('arrayBuffer'),
  bytes: read('bytes'),
  blob: read('blob'),
  formData: read('formData'),
  state: async (response: Response) => stateOf(response),
  clone: async (response: Response, add: (response: Response) => void) => {
    const copy = response.clone()
    add(copy)
    return stateOf(copy)
  },
  cancel: async (response: Response) => {
    // A clone's branch ends together with the other branch.
    response.body?.cancel('enough').catch(() => {})
    return response.bodyUsed
  },
  wrap: async (response: Response, add: (response: Response) => void) => {
    add(new Response(response.body))
    return response.bodyUsed
  },
  lock: async (response: Response) => {
    const reader = response.body?.getReader()
    if (reader) readers.push(reader)
    return typeof reader
  },
  iterate: async (response: Response) => {
    let bytes = 0
    for await (const piece of response.body ?? []) bytes += piece.byteLength
    return bytes
  },
  byob: async (response: Response) => {
    const reader = response.body?.getReader({ mode: 'byob' })
    const { done, value } = (await reader?.read(new Uint8Array(1))) ?? {}
    reader?.releaseLock()
    return [done, value?.byteLength]
  },
  borrowed: async (response: Response) => Response.prototype.text.call(response),
  abort: async (_response: Response, _add: unknown, abort: (reason: unknown) => void) => abort('enough'),
  abortForNoReason: async (_response: Response, _add: unknown, abort: (reason: unknown) => void) =>
    abort(null),
  abortReading: async (response: Response, _add: unknown, abort: (reason: unknown) => void) => {
    const reading = response.text()
    abort(new Error('mine'))
    return reading
  },
  headers: async (response: Response) => {
    response.headers.set('a', 'b')
  },
  badHeader: async (response: Response) => {
    response.headers.append('a b', 'c')
  },
  structured: async (response: Response) => structuredClone(response),
} satisfies Record<
  string,
  (
    response: Response,
    add: (response: Response) => void,
    abort: (reason: unknown) => void,
  ) => Promise<unknown>
>

const NAMES = Object.keys(STEPS) as (keyof typeof STEPS)[]
const programs = fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.nat(3)), {
  maxLength: 7,
})

const HELLO: Script = {
  status: 503,
  headers: [],
  pieces: ['hello'],
  encoding: 'none',
  end: 'whole',
}

/** In these cases the fetch of Node 22 leaves rejections unhandled. */
const KNOWN: [Script, Step[]][] = [
  [
    HELLO,
    [
      ['clone', 1],
      ['cancel', 3],
      ['abortForNoReason', 2],
    ],
  ],
  [
    HELLO,
    [
      ['clone', 0],
      ['cancel', 1],
      ['lock', 1],
      ['abortReading', 3],
    ],
  ],
]

function stateOf(response: Response): unknown {
  const { status, statusText, ok, type, redirected, bodyUsed, headers, body } = response
  const fields = [...headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name))
  const cookies = headers.getSetCookie()
  const stream = body && [body.locked, body.constructor.name]
  const url = response.url.replace(/^http:\/\/[^/]*/, '')
  return {
    status,
    statusText,
    ok,
    type,
    url,
    redirected,
    bodyUsed,
    fields,
    cookies,
    stream,
  }
}

async function shown(value: unknown): Promise<unknown> {
  if (value instanceof ArrayBuffer)
    return ['ArrayBuffer', Buffer.from(value).toString('hex', 0, 40), value.byteLength]
  if (value instanceof Uint8Array) {
    const { constructor, byteOffset, byteLength, buffer } = value
    return [constructor.name, byteOffset, byteLength, buffer.byteLength]
  }
  if (value instanceof Blob) return ['Blob', value.type, value.size]
  if (value instanceof FormData) return ['FormData', [...value]]
  return value
}

/** Returns the result of one step. A step that waits for another one never ends. */
async function outcome(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return { value: await run() }
  } catch (error) {
    return { error: describeError(error) }
  }
}

/** Returns what a program saw step by step, and the rejections that were not handled. */
async function facts(
  call: (init: RequestInit) => Promise<Response>,
  steps: readonly Step[],
): Promise<readonly unknown[]> {
  // The fetch of Node 22 leaves a rejection unhandled if a clone's branch was cancelled before an abort. Vitest's own
  // listeners would report it as an error of the test.
  const others = process.rawListeners('unhandledRejection')
  const unhandled: unknown[] = []
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (reason) => unhandled.push(describeError(reason)))
  try {
    const seen = await played(call, steps)
    // An abort passes through several promises before its rejection counts as unhandled.
    if (steps.some(([name]) => name.startsWith('abort'))) await sleep(5)
    return [...seen, unhandled]
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const each of others) process.on('unhandledRejection', each as () => void)
  }
}

async function played(
  call: (init: RequestInit) => Promise<Response>,
  steps: readonly Step[],
): Promise<readonly unknown[]> {
  const seen: unknown[] = []
  const responses: Response[] = []
  const controller = new AbortController()
  // On Node 22, calls with a signal go through fetch.
  const isAborted = steps.some(([name]) => name.startsWith('abort'))
  const abort = (reason: unknown): void => controller.abort(reason)
  const first = await outcome(async () => {
    responses.push(await call(isAborted ? { signal: controller.signal } : {}))
  })
  seen.push(first)
  for (const [name, which] of steps) {
    const response = responses[which % Math.max(responses.length, 1)]
    if (response)
      seen.push([name, await outcome(() => STEPS[name](response, (each) => responses.push(each), abort))])
  }
  seen.push(responses.map(stateOf))
  for (const reader of readers.splice(0)) reader.cancel().catch(() => {})
  // Branches of a tee that are not read hold the connection.
  for (const { body } of responses) if (body && !body.locked) body.cancel().catch(() => {})
  return seen
}

let server: TestServer
let client: Client

beforeAll(async () => {
  server = await startServer()
  const options = {
    service: 'user-service',
    source: fixed([server.url]),
    retry: false,
    breaker: false,
  } as const
  client = createClient({ ...options, fetch: 'fast' })
  await (await client('/')).text()
})

afterAll(async () => {
  await client.close()
  await server.close()
})

function play({ status, headers, pieces, encoding, end }: Script): void {
  const isPlain = encoding === 'none'
  // An encoded body comes in one chunk or two. A plain body may come in more.
  const [coding, encode] = ENCODINGS[encoding]
  const sent = isPlain ? pieces.map((piece) => Buffer.from(piece)) : encode(pieces.join(''))
  const total = sent.reduce((sum, piece) => sum + piece.length, 0)
  const fields = isPlain
    ? headers.flat()
    : [...headers.filter(([each]) => each !== 'content-encoding').flat(), 'content-encoding', coding]
  const isEmpty = status === 204 || status === 304
  server.behave(async (_request, response) => {
    const length =
      end === 'chunked' || isEmpty ? [] : ['content-length', `${total + (end === 'cut' ? 1 : 0)}`]
    response.writeHead(status, [...fields, ...length])
    if (!isEmpty)
      for (const piece of sent) if (piece.length > 0) await new Promise((done) => response.write(piece, done))
    if (end === 'cut' && !isEmpty) response.destroy()
    else response.end()
  })
}

describe('a fast response behaves like a fetched one', () => {
  it('whatever a program does with them', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(scripts, programs, async (script, steps) => {
        // If an encoded body is cut off, fetch itself gives different errors, because decoding takes time.
        fc.pre(script.encoding === 'none' || script.end !== 'cut')
        play(script)
        const platform = await facts((init) => fetch(`${server.url}/`, init), steps)
        expect(await facts((init) => client('/', init), steps)).toEqual(platform)
      }),
      { numRuns: 300, examples: KNOWN },
    )
  })
})
