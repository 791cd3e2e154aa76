import { writeFile, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { consul } from '../../src/registry/consul.ts'
import { etcd } from '../../src/registry/etcd.ts'
import { eureka } from '../../src/registry/eureka.ts'
import { kubernetes } from '../../src/registry/kubernetes.ts'
import { RegistryHttp } from '../../src/registry/http/http.ts'
import { jsonLines } from '../../src/registry/http/json-lines.ts'
import { redactUrl, redactUrls } from '../../src/registry/origin.ts'
import { validateSnapshot } from '../../src/registry/snapshot.ts'
import type { Source } from '../../src/registry/source.ts'
import { systemClock } from '../../src/clock.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})
async function serve(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  servers.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const firstOf = async (source: Source): Promise<unknown> => {
  const { signal } = new AbortController()
  for await (const snapshot of source.watch('svc', { signal })) return snapshot
  return 'nothing'
}

type Make = (url: string, more: object) => Source
const REGISTRIES: [string, Make][] = [
  ['consul', (url, more) => consul({ url, ...more })],
  ['etcd', (endpoints, more) => etcd({ endpoints, ...more })],
  ['eureka', (url, more) => eureka({ url, ...more })],
  ['kubernetes', (server, more) => kubernetes({ server, token: 'a-token', ...more })],
]

describe.each(REGISTRIES)('%s', (_name, make) => {
  it('stops reading an endless answer at maxAnswerSize', async () => {
    let sent = 0
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (): void => {
        while (!response.destroyed) {
          sent += 65_536
          if (!response.write(' '.repeat(65_536))) break
        }
      }
      response.on('drain', more)
      more()
    })
    await expect(firstOf(make(url, { maxAnswerSize: 100_000 }))).rejects.toThrow(
      /more than 100000 bytes \(maxAnswerSize\)/,
    )
    expect(sent).toBeLessThan(16_000_000)
  })

  it('stops decompressing an answer at maxAnswerSize', async () => {
    const packed = gzipSync(Buffer.alloc(5_000_000, ' '))
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed)
    })
    await expect(firstOf(make(url, { maxAnswerSize: 1_000_000 }))).rejects.toThrow(/maxAnswerSize/)
  })

  it('refuses an invalid maxAnswerSize', () => {
    expect(() => make('http://127.0.0.1:1', { maxAnswerSize: 0 })).toThrow(
      'maxAnswerSize must be an integer >= 1, got 0',
    )
  })
})

describe('a watch stream with a line without an end', () => {
  const LINE = 'x'.repeat(200_000)

  /** Answers the request that reads the list, then sends a long line to the watch. */
  const streaming = async (isWatch: (url: string) => boolean, list: object): Promise<string> =>
    serve((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'application/json' })
      if (isWatch(request.url ?? '')) response.write(LINE)
      else response.end(JSON.stringify(list))
    })

  const failureOf = async (source: Source): Promise<string> => {
    const stop = new AbortController()
    const timeout = AbortSignal.timeout(5_000)
    timeout.addEventListener('abort', () => stop.abort())
    try {
      for await (const _ of source.watch('svc', { signal: stop.signal }));
      return timeout.aborted ? 'the watch goes on' : 'the watch ended'
    } catch (error) {
      return String(error)
    }
  }

  it('fails the watch of etcd at maxAnswerSize', async () => {
    const url = await streaming((path) => path.endsWith('/v3/watch'), { header: { revision: '1' } })
    expect(await failureOf(etcd({ endpoints: url, maxAnswerSize: 100_000 }))).toContain(
      'a line has more than 100000 bytes (maxAnswerSize)',
    )
  })

  it('fails the watch of Kubernetes at maxAnswerSize', async () => {
    const list = { items: [], metadata: { resourceVersion: '1' } }
    const url = await streaming((path) => path.includes('watch=1'), list)
    expect(await failureOf(kubernetes({ server: url, token: 'a-token', maxAnswerSize: 100_000 }))).toContain(
      'a line has more than 100000 bytes (maxAnswerSize)',
    )
  })
})

/** Yields the text in chunks of `size` bytes. */
async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('jsonLines()', () => {
  it('yields the documents of a stream, whatever its chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        async (documents, size) => {
          const text = documents.map((document) => `${JSON.stringify(document)}\n`).join('\n')
          const read: unknown[] = []
          for await (const some of jsonLines(inPieces(text, size), 1_000_000)) read.push(...some)
          expect(JSON.stringify(read)).toBe(JSON.stringify(documents))
        },
      ),
    )
  })

  it('throws for a line without an end', async () => {
    const read = async (): Promise<void> => {
      for await (const some of jsonLines(inPieces('x'.repeat(100), 10), 50)) expect(some).toEqual([])
    }
    await expect(read()).rejects.toThrow('a line has more than 50 bytes (maxAnswerSize)')
  })
})

describe('redactUrls()', () => {
  it('keeps the mark of the sentence after a URL, and nothing else of its query', () => {
    expect(redactUrls('GET http://h/x?token=a:b: refused')).toBe('GET http://h/x: refused')
    expect(redactUrls('(http://u:p@h/#a), http://h/; http://h.')).toBe('(http://***@h/, http://h/; http://h.')
  })
})

describe('redactUrl()', () => {
  /** The earlier implementation: correct, but its time grew quadratically with the length. */
  const slow = (value: string): string =>
    value.replace(/[?#].*$/s, '').replace(/^([a-z][a-z\d+.-]*:\/*)?.*@/is, '$1***@')

  it('returns the same as the simple regular expressions', () => {
    const text = fc.string({
      unit: fc.constantFrom('h', 't', ':', '/', '@', '?', '#', 'a', '.', '\n'),
      maxLength: 20,
    })
    expect(redactUrl('http://u:p@h/?a#b')).toBe('http://***@h/')
    fc.assert(fc.property(text, (value) => redactUrl(value) === slow(value)))
  })
})

describe('credentials', () => {
  it.each<[string, (url: string, secret: () => Promise<string>) => Source]>([
    ['consul', (url, token) => consul({ url, token })],
    ['eureka', (url, password) => eureka({ url, user: 'u', password, poll: 10 })],
    ['kubernetes', (server, token) => kubernetes({ server, token })],
    ['etcd', (endpoints, password) => etcd({ endpoints, user: 'u', password })],
  ])('of %s are read again for each use, and appear in no error', async (_name, make) => {
    const seen: string[] = []
    const url = await serve((request, response) => {
      const { authorization = '', 'x-consul-token': token } = request.headers
      let body = ''
      request.on('data', (chunk) => (body += String(chunk)))
      request.on('end', () => {
        const plain = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()
        seen.push(`${String(token)} ${authorization} ${plain} ${body}`)
        response
          .writeHead(500)
          .end(`you said secret-1 or secret-2: ${String(token)} ${authorization} ${body}`)
      })
    })
    let asked = 0
    const source = make(url, async () => `secret-${++asked}`)
    for (const round of [1, 2]) {
      const error = await firstOf(source).catch((caught: unknown) => caught as Error)
      expect(seen.at(-1)).toContain(`secret-${round}`)
      expect(String(error)).not.toContain(`secret-${round}`)
    }
  })

  it('in a file are read again for each use', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outrigger-'))
    const file = join(folder, 'token')
    const seen: unknown[] = []
    const url = await serve((request, response) => {
      seen.push(request.headers['x-consul-token'])
      response.writeHead(200, { 'x-consul-index': '1' }).end('[]')
    })
    const source = consul({ url, token: { file } })
    for (const token of ['one', 'two']) {
      await writeFile(file, `${token}\n`)
      await firstOf(source)
    }
    expect(seen).toEqual(['one', 'two'])
    await rm(folder, { recursive: true })
  })

  it('that are not strings are refused without being quoted', async () => {
    expect(() => consul({ token: 5 as never })).toThrow(
      'token must be a string that is not empty, { file }, or a function',
    )
    const source = consul({
      url: await serve((_request, response) => response.end()),
      token: () => 5 as never,
    })
    await expect(firstOf(source)).rejects.toThrow('token must be a string')
  })

  it('of TLS are read for each connection, and an error from reading them fails the request', async () => {
    let asked = 0
    const http = new RegistryHttp({
      name: 'r',
      clock: systemClock,
      timeout: 2_000,
      tls: () => {
        asked++
        throw new Error('no certificate now')
      },
    })
    for (const round of [1, 2]) {
      const { signal } = new AbortController()
      await expect(http.send('https://127.0.0.1:1/', { signal })).rejects.toThrow('no certificate now')
      expect(asked).toBe(round)
    }
    await http.close()
  })
})

describe('the url of an instance', () => {
  it.each(['http://h\r\nevil', 'http://h\tx', ' http://h', 'http://h ', 'http://h\n', 'http://a b'])(
    'must not be %j',
    (url) => {
      const { instances, rejected } = validateSnapshot([{ url: 'http://127.0.0.1:1' }, { id: 'x', url }])
      expect(instances).toHaveLength(1)
      expect(rejected[0]?.reason).toMatch(/url must hold no spaces and no control characters/)
    },
  )
})
