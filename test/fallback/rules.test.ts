import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { startServer, type Answer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const page = await readFile(new URL('../../docs/fallback.md', import.meta.url), 'utf8')

/** Returns the cells of each row of the table whose head begins with `head`. */
function table(head: string): string[][] {
  const lines = page.slice(page.indexOf(`| ${head}`)).split('\n')
  const rows = lines.slice(2, lines.indexOf(''))
  expect(rows.length).toBeGreaterThan(5)
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

interface Words {
  readonly method: string
  readonly status: number
  readonly headers: Record<string, string>
}

/** Returns what a cell contains between backticks: a status, or a header. */
function words(cell: string): Words {
  const quoted = [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
  const headers = quoted.filter((text) => text.includes(': ')).map((text) => text.split(': ', 2))
  const [status = '200'] = quoted
  const [method = 'GET'] = /^[A-Z]+/.exec(cell) ?? []
  return { method, status: Number(status), headers: Object.fromEntries(headers) as Record<string, string> }
}

/** A server that gives the listed responses one after the other, and then fails. */
async function script(...answers: readonly Words[]): Promise<TestServer> {
  const left = [...answers]
  const answer: Answer = (_request, response) => {
    const { status, headers } = left.shift() ?? { status: 503, headers: {} }
    response.writeHead(status, headers)
    response.end(status === 204 || status === 304 ? undefined : `answer ${status}`)
  }
  return startServer(answer)
}

const clientOf = ({ url }: TestServer, options: Partial<ClientOptions>): Client =>
  createClient({ service: 'svc', source: fixed([url]), retry: false, breaker: false, ...options })

const isStale = (response: Response): boolean => response.headers.has('x-outrigger-stale')

describe('a response', () => {
  it.each(table('the answer'))('%s to a request with %s: stored %s', async (answer, asked, kept) => {
    await using server = await script(words(answer))
    await using client = clientOf(server, { stale: { maxAge: 60_000 } })
    const { headers } = words(asked)
    await (await client('/a', { headers })).text()
    expect(isStale(await client('/a', { headers }))).toBe(kept === 'yes')
  })

  it.each(table('the answer'))('%s to a request with %s: stored %s, shared %s', async (...cells) => {
    const [answer, asked, , shared] = cells as [string, string, string, string]
    const waiting: (() => void)[] = []
    const { status, headers } = words(answer)
    await using server = await startServer((_request, response) => {
      waiting.push(() => response.writeHead(status, headers).end('x'))
    })
    await using client = clientOf(server, { coalesce: true })
    const calls = [1, 2, 3].map(async () => (await client('/a', { headers: words(asked).headers })).text())
    await until(() => waiting.length === 1)
    waiting[0]!()
    if (shared !== 'yes') {
      await until(() => waiting.length === 3)
      waiting.forEach((go, index) => index > 0 && go())
    }
    expect(await Promise.all(calls)).toEqual(['x', 'x', 'x'])
    expect(waiting.length).toBe(shared === 'yes' ? 1 : 3)
  })
})

const initOf = (cell: string): RequestInit => {
  const [, cache] = /`cache: '([\w-]+)'`/.exec(cell) ?? []
  return cache ? ({ cache } as RequestInit) : { headers: words(cell).headers }
}

describe('a request', () => {
  it.each(table('a GET with'))('with %s is answered from the cache: %s', async (asked, served) => {
    await using server = await script(words('`200`'))
    await using client = clientOf(server, { stale: { maxAge: 60_000 } })
    await (await client('/a', initOf(asked))).text()
    expect(isStale(await client('/a', initOf(asked)))).toBe(served === 'yes')
  })

  it.each(table('a GET with'))('with %s (%s) joins others: %s', async (asked, _served, joins) => {
    const waiting: (() => void)[] = []
    await using server = await startServer((_request, response) => void waiting.push(() => response.end()))
    await using client = clientOf(server, { coalesce: true })
    const calls = [1, 2].map(() => client('/a', initOf(asked)))
    await until(() => waiting.length === (joins === 'yes' ? 1 : 2))
    for (const go of waiting) go()
    await Promise.all(calls)
    expect(waiting.length).toBe(joins === 'yes' ? 1 : 2)
  })
})

describe('a stored response', () => {
  it.each(table('after an answer'))('is, after %s, %s', async (later, fate) => {
    const { method, status, headers } = words(later)
    const kept: Words = { method: 'GET', status: 200, headers: {} }
    await using server = await script(kept, { method, status, headers })
    await using client = clientOf(server, { stale: { maxAge: 60_000 } })
    await (await client('/a')).text()
    await (await client('/a', { method })).text()
    expect(isStale(await client('/a'))).toBe(fate === 'served')
  })

  it.each(['fetch', 'request', 'dispatcher'] as const)('is deleted by a DELETE through %s', async (door) => {
    const answers = ['`200`', '`200`', '`200`', '`204`'].map(words)
    await using server = await script(...answers)
    await using client = clientOf(server, { stale: { maxAge: 60_000 }, routes: { 'DELETE /**': {} } })
    const alice = { headers: { authorization: 'alice' } }
    await (await client('/a?x=1', alice)).text()
    await (await client('/a?x=1')).text()
    await (await client('/b')).text()
    const method = 'DELETE'
    if (door === 'fetch') await client('/c/../a?x=1', { method })
    else if (door === 'request') await client.request('/a?x=1', { method })
    else await client.dispatcher.request({ origin: 'http://svc', path: '/a?x=1', method })
    const later = [await client('/a?x=1', alice), await client('/a?x=1'), await client('/b')]
    expect(later.map(isStale)).toEqual([false, false, true])
  })

  it('is never a response that was requested before a change and read after it', async () => {
    await using server = await script(words('`200`'), words('`204`'))
    await using client = clientOf(server, { stale: { maxAge: 60_000 } })
    const before = await client('/a')
    await client('/a', { method: 'DELETE' })
    await before.text()
    expect(isStale(await client('/a'))).toBe(false)
  })

  it('is deleted for a caller that lost access, while an older response is still being read', async () => {
    await using server = await script(words('`200`'), words('`403`'))
    await using client = clientOf(server, { stale: { maxAge: 60_000 } })
    const before = await client('/a')
    await client('/a')
    await before.text()
    expect(isStale(await client('/a'))).toBe(false)
  })

  it('is deleted after a 403, also when classify calls that a failure', async () => {
    await using server = await script(words('`200`'), words('`403`'))
    const classify = ({ status }: { status?: number | undefined }): 'failure' | undefined =>
      status === 403 ? 'failure' : undefined
    await using client = clientOf(server, { stale: { maxAge: 60_000 }, classify })
    await (await client('/a')).text()
    expect((await client('/a')).status).toBe(403)
    expect(isStale(await client('/a'))).toBe(false)
  })

  it('is not older than the caller accepts, including the time in other caches', async () => {
    await using server = await script(words('`200` `age: 100`'))
    await using client = clientOf(server, { stale: { maxAge: 60_000 } })
    const headers = { 'cache-control': 'max-age=50' }
    await (await client('/a', { headers })).text()
    expect(isStale(await client('/a', { headers }))).toBe(false)
  })
})

describe('two requests', () => {
  const paths = [
    '/me\nx-user: 42',
    '/me\r\nx-user: 42',
    'http://svc/me\nx-user: 42',
    '/me"],["x-user","42',
    '/me%0Ax-user: 42',
  ]
  it.each([...paths, new URL('/me\nx-user: 42', 'http://svc')])(
    'are different: one with a header, one with the path %j',
    async (path) => {
      const victim = { headers: { 'x-user': '42' } }
      await using server = await startServer((request, response) => {
        if (server.requests.length > 3) response.writeHead(503).end()
        else setTimeout(() => response.end(`of ${String(request.headers['x-user'] ?? 'nobody')}`), 20)
      })
      await using client = clientOf(server, { coalesce: true, stale: { maxAge: 60_000 } })
      const [mine, forged] = await Promise.all([client('/me', victim), client(path)])
      expect([await mine.text(), await forged.text()]).toEqual(['of 42', 'of nobody'])
      await (await client('/filler')).text()
      expect(await (await client('/me', victim)).text()).toBe('of 42')
      expect(await (await client(path)).text()).toBe('of nobody')
    },
  )
})

describe('coalesced callers', () => {
  it('do not get a response from before a change when they ask after it', async () => {
    const waiting: ((text: string) => void)[] = []
    await using server = await startServer((request, response) => {
      if (request.method === 'PUT') response.writeHead(204).end()
      else waiting.push((text) => response.end(text))
    })
    await using client = clientOf(server, { coalesce: true })
    const before = client('/a')
    await until(() => waiting.length === 1)
    await client('/a', { method: 'PUT' })
    const after = client('/a')
    await until(() => waiting.length === 2)
    waiting[0]!('old')
    waiting[1]!('new')
    expect([await (await before).text(), await (await after).text()]).toEqual(['old', 'new'])
  })

  it('do not wait for each other again after a response that must not be shared', async () => {
    const waiting: (() => void)[] = []
    await using server = await startServer((_request, response) => {
      waiting.push(() => response.writeHead(200, { 'cache-control': 'private' }).end())
    })
    await using client = clientOf(server, { coalesce: true })
    const first = client('/a')
    await until(() => waiting.length === 1)
    waiting[0]!()
    await first
    const calls = [client('/a'), client('/a')]
    await until(() => waiting.length === 3)
    for (const go of waiting.slice(1)) go()
    expect(await Promise.all(calls)).toHaveLength(2)
  })

  it('keep their signal and their deadline when they send their own requests', async () => {
    const waiting: (() => void)[] = []
    await using server = await startServer((_request, response) => {
      waiting.push(() => response.writeHead(200, { 'cache-control': 'no-store' }).end())
    })
    await using client = clientOf(server, { coalesce: true })
    const aborter = new AbortController()
    const calls = [
      client('/a'),
      client('/a', { signal: aborter.signal }),
      client('/a', { deadline: performance.now() + 300 }),
    ]
    const ends = calls.map((call) =>
      call.then(
        ({ status }) => status,
        (error: Error) => error.name,
      ),
    )
    await until(() => waiting.length === 1)
    waiting[0]!()
    await until(() => waiting.length === 3)
    aborter.abort(new Error('enough'))
    expect(await Promise.all(ends)).toEqual([200, 'Error', 'TimeoutError'])
  })
})
