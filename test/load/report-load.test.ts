import { once } from 'node:events'
import {
  createServer,
  request as send,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import { createRequire } from 'node:module'
import { fastify } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseLoad } from '../../src/load/parse.ts'
import { LOAD_HEADER, type LoadReport } from '../../src/load/report.ts'
import { reportLoad, type ReportLoadOptions } from '../../src/load/report-load.ts'
import { ManualClock } from '../../src/testing/clock.ts'

interface ExpressApp {
  (request: IncomingMessage, response: ServerResponse): void
  use(...handlers: unknown[]): void
}

// The package has no types.
const express = createRequire(import.meta.url)('express') as () => ExpressApp

let clock: ManualClock
const closing: (() => void)[] = []

beforeEach(() => {
  clock = new ManualClock()
})

afterEach(() => {
  vi.restoreAllMocks()
  for (const close of closing.splice(0)) close()
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function listen(handler: Handler): Promise<string> {
  const server = createServer(handler)
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

async function ask(
  url: string,
): Promise<{ headers: IncomingHttpHeaders; body: string; load: LoadReport | undefined }> {
  return new Promise((resolve, reject) => {
    send(url, { agent: false }, (response) => {
      response.toArray().then((chunks) => {
        const { headers } = response
        const body = Buffer.concat(chunks as Buffer[]).toString()
        resolve({ headers, body, load: parseLoad(headers[LOAD_HEADER]) })
      }, reject)
    })
      .on('error', reject)
      .end()
  })
}

interface Waiting {
  readonly response: ServerResponse
  readonly closed: Promise<unknown>
}

/** A server whose requests the test answers, with a manual clock. */
class Desk {
  readonly reporter
  readonly #waiting: Waiting[] = []
  #arrived: (() => void) | undefined
  url = ''

  constructor(options: ReportLoadOptions = {}) {
    this.reporter = reportLoad({ clock, window: 1_000, utilization: () => 0.5, ...options })
  }

  async open(): Promise<this> {
    this.url = await listen((request, response) => {
      this.reporter(request, response, () => {
        this.#waiting.push({ response, closed: once(response, 'close') })
        this.#arrived?.()
      })
    })
    return this
  }

  /** Sends a request. Resolves when it has arrived. */
  async send(): Promise<Promise<Awaited<ReturnType<typeof ask>>>[]> {
    const arrived = new Promise<void>((resolve) => (this.#arrived = resolve))
    const answer = ask(this.url)
    await arrived
    return [answer]
  }

  async answer(status = 200): Promise<void> {
    const { response, closed } = this.#waiting.shift() as Waiting
    response.statusCode = status
    response.end('done')
    await closed
  }
}

describe('reportLoad', () => {
  it('reports the requests in flight at the time of the response, not of the request', async () => {
    const desk = await new Desk().open()
    const [first] = await desk.send()
    const [second] = await desk.send()
    const [third] = await desk.send()
    const seen: unknown[] = []
    for (const answer of [first, second, third]) {
      await desk.answer()
      seen.push((await answer)?.load?.named?.get('in_flight'))
    }
    expect(seen).toEqual([2, 1, 0])
  })

  it('reports the rates of the last complete window, and the expected latency', async () => {
    const desk = await new Desk().open()
    const call = async (ms: number, status?: number): Promise<LoadReport | undefined> => {
      const [answer] = await desk.send()
      await clock.advance(ms)
      await desk.answer(status)
      return (await answer)?.load
    }
    expect((await call(100))?.rps).toBeUndefined()
    for (let more = 0; more < 6; more++) await call(100)
    await call(50, 503)
    await clock.advance(1_250)
    const report = await call(0)
    // Eight answers in two seconds, one of them a failure.
    expect(report).toMatchObject({ rps: 4, eps: 0.5, applicationUtilization: 0.5 })
    expect(report?.named?.get('latency')).toBe(100)
    expect(report?.cpuUtilization).toBeGreaterThanOrEqual(0)
  })

  it('reports event loop utilization by default, and does not count abandoned responses', async () => {
    const reporter = reportLoad({ clock, window: 1_000 })
    const gone = Promise.withResolvers<void>()
    let left: ReturnType<typeof send> | undefined
    const url = await listen((request, response) => {
      reporter(request, response, () => {
        if (request.url !== '/left') response.end()
        else {
          response.once('close', gone.resolve)
          left?.destroy()
        }
      })
    })
    left = send(`${url}/left`, { agent: false }).on('error', () => {})
    left.end()
    await gone.promise
    await clock.advance(1_000)
    const { load } = await ask(url)
    expect(load?.applicationUtilization).toBeGreaterThanOrEqual(0)
    expect(load).toMatchObject({ rps: 0, eps: 0, named: new Map([['in_flight', 0]]) })
  })

  it('sets its header also when the handler calls writeHead(), and when it sets no headers', async () => {
    const reporter = reportLoad()
    const url = await listen((request, response) => {
      reporter(request, response, () => {
        if (request.url === '/raw') response.writeHead(201, ['x-own', 'a'])
        else if (request.url === '/object') response.writeHead(201, 'Made', { 'x-own': 'a' })
        else if (request.url === '/early') response.writeEarlyHints({ link: '</a.css>; rel=preload' })
        else if (request.url === '/flush') response.flushHeaders()
        response.end('body')
      })
    })
    for (const path of ['/', '/raw', '/object', '/early', '/flush']) {
      const { headers, body, load } = await ask(url + path)
      expect([path, body, load?.named?.get('in_flight')]).toEqual([path, 'body', 0])
      if (path === '/raw' || path === '/object') expect(headers['x-own']).toBe('a')
    }
  })

  it('is a middleware of Express', async () => {
    const app = express()
    app.use(reportLoad({ metrics: () => ({ queue: 7 }) }))
    app.use((_request: unknown, response: { json(body: unknown): void }) => response.json({ ok: true }))
    const { body, load } = await ask(await listen(app))
    expect(body).toBe('{"ok":true}')
    expect(load?.named?.get('queue')).toBe(7)
  })

  it('is a hook of Fastify', async () => {
    const report = reportLoad()
    const app = fastify()
    app.addHook('onRequest', (request, reply, done) => report(request.raw, reply.raw, done))
    app.get('/', async () => ({ ok: true }))
    await app.listen({ host: '127.0.0.1', port: 0 })
    closing.push(() => void app.close())
    const { port } = app.server.address() as { port: number }
    const { headers, body, load } = await ask(`http://127.0.0.1:${port}`)
    expect(body).toBe('{"ok":true}')
    expect(headers['content-type']).toMatch(/json/)
    expect(load?.named?.get('in_flight')).toBe(0)
  })

  it('ignores responses that were sent or destroyed before it ran', async () => {
    const reporter = reportLoad()
    const url = await listen((request, response) => {
      if (request.url === '/begun') {
        response.write('body')
        reporter(request, response, () => response.end())
      } else if (request.url === '/gone') {
        response.once('close', () => reporter(request, response, () => response.end()))
        request.socket.destroy()
      } else reporter(request, response, () => response.end('body'))
    })
    const { body, load } = await ask(`${url}/begun`)
    expect([body, load]).toEqual(['body', undefined])
    await expect(ask(`${url}/gone`)).rejects.toThrow(/socket hang up|ECONNRESET/)
    await ask(`${url}/gone`).catch(() => {})
    expect((await ask(url)).load?.named?.get('in_flight')).toBe(0)
  })

  it('reports over HTTP/2', async () => {
    const reporter = reportLoad()
    const server = createHttp2Server((request, response) => {
      reporter(request, response, () => response.end('body'))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const session = connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
    closing.push(() => {
      session.destroy()
      server.close()
    })
    const stream = session.request({ ':path': '/' })
    const [headers] = (await once(stream, 'response')) as [Record<string, string>]
    stream.resume()
    expect(parseLoad(headers[LOAD_HEADER])?.named?.get('in_flight')).toBe(0)
  })

  it.each<[string, ReportLoadOptions, RegExp]>([
    ['utilization throws', { utilization: () => JSON.parse('{') as number }, /SyntaxError/],
    ['utilization says NaN', { utilization: () => Number.NaN }, /got NaN/],
    ['utilization is negative', { utilization: () => -1 }, /got -1/],
    ['utilization is async', { utilization: (async () => 1) as never }, /must not be async/],
    [
      'utilization rejects',
      { utilization: (async () => Promise.reject(new Error('down'))) as never },
      /must not be async/,
    ],
    ['metrics throws', { metrics: () => JSON.parse('{') as never }, /SyntaxError/],
    ['metrics is async', { metrics: (async () => ({ a: 1 })) as never }, /must not be async|got Promise/],
    ['metrics says a text', { metrics: () => ({ queue: '7' }) as never }, /got/],
    ['metrics says Infinity', { metrics: () => ({ queue: Infinity }) }, /Infinity/],
    ['metrics has a name that is two headers', { metrics: () => ({ 'a\r\nset-cookie: x': 1 }) }, /got/],
    ['metrics has a name with a comma', { metrics: () => ({ 'a=1,cpu_utilization': 1 }) }, /got/],
    ['metrics says nothing', { metrics: () => undefined as never }, /got undefined/],
    ['metrics says null', { metrics: () => null as never }, /got null/],
    [
      'metrics has a property that throws',
      {
        metrics: () => ({
          get a(): number {
            return JSON.parse('{') as number
          },
        }),
      },
      /SyntaxError/,
    ],
  ])('continues and reports the rest when %s, with one warning', async (_name, options, detail) => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const desk = await new Desk(options).open()
    for (let call = 0; call < 3; call++) {
      const [answer] = await desk.send()
      await clock.advance(1_000)
      await desk.answer()
      const { body, load } = (await answer)!
      expect(body).toBe('done')
      expect(load?.named?.get('in_flight')).toBe(0)
      expect(load?.rps).toBeGreaterThanOrEqual(0)
    }
    expect(warnings).toHaveBeenCalledOnce()
    const [[, { code, detail: text }]] = warnings.mock.calls as unknown as [
      [string, { code: string; detail: string }],
    ]
    expect(code).toBe('OUTRIGGER_LOAD')
    expect(text).toMatch(detail)
  })

  it.each<[ReportLoadOptions, string]>([
    [{ window: 1 }, 'reportLoad.window must be'],
    [{ utilization: 0.5 as never }, 'reportLoad.utilization must be a function'],
    [{ metrics: {} as never }, 'reportLoad.metrics must be a function'],
    [{ metric: () => ({}) } as ReportLoadOptions, 'reportLoad.metric is not an option'],
    [null as never, 'reportLoad must be an object'],
  ])('refuses %o', (options, message) => {
    expect(() => reportLoad(options)).toThrow(message)
  })
})
