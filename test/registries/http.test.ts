import type { RequestListener } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { http, type HttpSourceOptions } from '../../src/registry/http.ts'
import { eventData } from '../../src/registry/http-source/events.ts'
import { compileSelect } from '../../src/registry/http-source/select.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { sourceSuite } from '../../src/testing/source-suite.ts'
import { reader, serve, shown, until } from './fake-http.ts'
import { startListServer, type ListServer } from './list-server.ts'

let lists: ListServer
let stop: AbortController

beforeEach(async () => {
  lists = await startListServer()
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  await lists[Symbol.asyncDispose]()
})

const quick = { poll: 100, wait: 1_000, timeout: 400 }

describe.each(['poll', 'long-poll', 'events'] as const)('every source: %s', (mode) => {
  sourceSuite(it, {
    source: () => http({ url: `${lists.url}/${mode}/{service}`, mode, ...quick }),
    sourceAt: (url) => http({ url, mode, ...quick }),
    set: async (service, instances) => lists.set(service, instances),
    server: {
      kill: () => lists.kill(),
      restart: ({ data }) => lists.restart(data),
    },
  })
})

describe('the poll', () => {
  it('sends the validator of the last answer, and takes 304 for no news', async () => {
    const seen: (string | undefined)[] = []
    await using server = await serve((request, response) => {
      seen.push(request.headers['if-none-match'])
      if (seen.length === 2) response.writeHead(304).end()
      else response.setHeader('etag', `"${seen.length}"`).end('["http://10.0.0.1:80"]')
    })
    const read = reader(http({ url: server.url, ...quick }).watch('x', stop))
    await read.next()
    await read.next()
    expect(seen).toEqual([undefined, '"1"', '"1"'])
    expect(server.seen).toBe(1)
  })

  it('does not spin on a server that holds nothing back', async () => {
    const clock = new ManualClock()
    await using server = await serve((request, response) => {
      if (request.headers['if-none-match']) response.writeHead(304).end()
      else response.setHeader('etag', '"1"').end('[]')
    })
    const read = reader(http({ url: server.url, mode: 'long-poll', clock }).watch('x', stop))
    await read.next()
    const end = read.end()
    await until(() => clock.timers === 1)
    await clock.advance(6_000)
    await until(() => server.requests.length === 2 && clock.timers === 1)
    await clock.advance(4_000)
    expect(server.requests).toHaveLength(2)
    stop.abort()
    await end
  })

  it('is held back from the second request on, which comes right after the first answer', async () => {
    const clock = new ManualClock()
    const waits: unknown[] = []
    await using server = await serve((request, response) => {
      waits.push(request.headers['prefer'])
      const isFirst = waits.length === 1
      response
        .writeHead(200, { etag: `"${waits.length}"` })
        .end(JSON.stringify(isFirst ? ['10.0.0.1:80'] : ['10.0.0.2:80']))
    })
    const read = reader(http({ url: server.url, mode: 'long-poll', clock }).watch('x', stop))
    await read.next()
    const second = read.next()
    await until(() => clock.timers === 1)
    await clock.advance(100)
    expect((await second)[0]?.url).toBe('http://10.0.0.2:80')
    expect(waits).toEqual([undefined, 'wait=30'])
  })

  it('asks for its headers before each request, and never shows them or the query', async () => {
    let token = 0
    const seen: (string | undefined)[] = []
    await using server = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(seen.length < 3 ? 200 : 403).end(seen.length < 3 ? '[]' : `no: ${seen.at(-1)}`)
    })
    const headers = async (): Promise<{ authorization: string }> => ({
      authorization: `Bearer secret-${token++}`,
    })
    const error = await reader(
      http({ url: `${server.url}?key=secret`, headers, ...quick }).watch('x', stop),
    ).end()
    expect(seen).toEqual(['Bearer secret-0', 'Bearer secret-1', 'Bearer secret-2'])
    expect(String(error)).toContain('403')
    expect(shown(error)).not.toContain('secret')
  })
})

describe('what an endpoint answers', () => {
  const first = async (
    body: unknown,
    options: Partial<HttpSourceOptions> = {},
  ): Promise<readonly Instance[]> => {
    const handle: RequestListener = (_, response) => response.end(`\uFEFF${JSON.stringify(body)}`)
    await using server = await serve(handle)
    return await reader(http({ url: `${server.url}/{service}`, ...options }).watch('orders', stop)).next()
  }

  it.each([
    ['urls and host:port', ['http://10.0.0.1:80', '10.0.0.2:80'], {}],
    ['instances', [{ url: 'http://10.0.0.1:80' }, { url: '10.0.0.2:80' }], {}],
    ["Prometheus's http_sd", [{ targets: ['10.0.0.1:80', '10.0.0.2:80'], labels: {} }], {}],
    ['a list within', { data: { servers: ['10.0.0.1:80', '10.0.0.2:80'] } }, { select: '$.data.servers' }],
    ['a member of each', { n: [{ a: '10.0.0.1:80' }, { a: '10.0.0.2:80' }] }, { select: 'n[*].a' }],
    [
      'what only a function can read',
      { ips: ['10.0.0.1', '10.0.0.2'] },
      { decode: (document: unknown) => (document as { ips: string[] }).ips.map((ip) => `${ip}:80`) },
    ],
  ])('may be %s', async (_, body, options) => {
    expect((await first(body, options)).map(({ url }) => url)).toEqual([
      'http://10.0.0.1:80',
      'http://10.0.0.2:80',
    ])
  })

  it.each([
    ['an object', {}, {}, /must be a list of instances, got object/],
    ['null', null, {}, /got null/],
    ['nothing at the place', { error: 'x' }, { select: '$.data' }, /nothing at \$\.data/],
    ['what decode does not make a list', {}, { decode: () => undefined as never }, /got undefined/],
  ])('is a failure when it is %s', async (_, body, options, message) => {
    await expect(first(body, options)).rejects.toThrow(message)
  })

  it('an empty place with a star is an empty service', async () => {
    expect(await first({ nodes: [] }, { select: '$.nodes[*].address' })).toEqual([])
  })
})

describe('a path', () => {
  it.each([
    ['$', [{ a: [{ 'b-c': 1 }, { 'b-c': 2 }] }]],
    ['$.a[0]', [{ 'b-c': 1 }]],
    ["$.a[1]['b-c']", [2]],
    ['a.*.b-c', [1, 2]],
    ['$.a.length', []],
    ['$.__proto__', []],
    ['$.x.y[3]', []],
  ])('%s finds its places', (path, expected) => {
    expect(compileSelect(path)({ a: [{ 'b-c': 1 }, { 'b-c': 2 }] })).toEqual(expected)
  })

  it.each(['$..a', '$.a[?(@.x)]', '$.a[', '$.a b', '$.[0]'])('%s is refused', (path) => {
    expect(() => compileSelect(path)).toThrow(/select must be a path like/)
  })
})

describe('events', () => {
  const dataOf = async (...chunks: string[]): Promise<string[]> => {
    const all: string[] = []
    const bytes = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk)
    })()
    for await (const data of eventData(bytes, () => {})) all.push(data)
    return all
  }

  it('may come in pieces, with comments, names, ids and several lines of data', async () => {
    expect(
      await dataOf('da', 'ta: 1\n', '\n:hello\nevent: x\nid: 5\ndata:2\r\ndata: 3\r\n\r\n', 'data: half'),
    ).toEqual(['1', '2\n3'])
  })

  it('of one long line in small pieces cost no more than its length', async () => {
    const piece = 'x'.repeat(1_000)
    const [data] = await dataOf('data:', ...Array.from({ length: 20_000 }, () => piece), '\n\n')
    expect(data).toHaveLength(20_000_000)
  })

  it('that stop coming are noticed: a comment would be enough', async () => {
    const clock = new ManualClock()
    await using server = await serve((_, response) => {
      response.write('data: ["http://10.0.0.1:80"]\n\n')
      setTimeout(() => response.write(':\n'), 20)
    })
    const read = reader(http({ url: server.url, mode: 'events', wait: 1_000, clock }).watch('x', stop))
    expect(await read.next()).toHaveLength(1)
    const end = read.end()
    await clock.advance(2_500)
    expect(String(await end)).toMatch(/no event and no comment from .* within 1000 ms/)
  })
})

describe('options', () => {
  it.each([
    [{}, /url must be a string, got undefined/],
    [{ url: 'ftp://a' }, /url must be an http or https url/],
    [{ url: 'http://me:secret@a' }, /without credentials/],
    [{ url: 'http://a', select: '$..a' }, /select must be a path/],
    [{ url: 'http://a', select: '$', decode: () => [] }, /select and decode must not both be set/],
    [{ url: 'http://a', mode: 'push' }, /mode must be/],
    [{ url: 'http://a', poll: 1 }, /poll must be/],
    [{ url: 'http://a', headers: { a: 5 } }, /headers must be an object of strings/],
    [{ url: 'http://a', interval: 5 }, /http.interval is not an option/],
  ])('%j are refused', (options, message) => {
    const make = (): unknown => http(options as unknown as HttpSourceOptions)
    expect(make).toThrow(message)
    expect(make).not.toThrow(/secret/)
  })

  it('the name of a service is escaped in the url', async () => {
    await using server = await serve((_, response) => response.end('[]'))
    await reader(http({ url: `${server.url}/s/{service}?x=1` }).watch('a b?&', stop)).next()
    expect(server.requests).toEqual(['GET /s/a%20b%3F%26?x=1'])
  })
})
