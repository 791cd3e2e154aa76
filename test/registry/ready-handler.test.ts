import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  createServer,
  request as send,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { announce } from '../../src/registry/announce.ts'
import { announceServer, type ServerAnnouncement } from '../../src/registry/announce-server.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import { readyHandler } from '../../src/registry/ready-handler.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { CHILD_TIMEOUT } from '../support/child.ts'

interface ExpressApp {
  (request: IncomingMessage, response: ServerResponse): void
  use(...handlers: unknown[]): void
}

// The package has no types.
const express = createRequire(import.meta.url)('express') as () => ExpressApp

const servers: Server[] = []
let clock: ManualClock

beforeEach(() => {
  clock = new ManualClock()
})

afterEach(() => {
  vi.restoreAllMocks()
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function listen(server: Server): Promise<string> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return `http://127.0.0.1:${port}`
}

async function ask(url: string, method = 'GET'): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    send(url, { method, agent: false }, (response) => {
      response.toArray().then((chunks) => {
        resolve({ status: response.statusCode, body: Buffer.concat(chunks as Buffer[]).toString() })
      }, reject)
    })
      .on('error', reject)
      .end()
  })
}

const status = async (url: string, method?: string): Promise<number | undefined> =>
  (await ask(url, method)).status

describe('readyHandler', () => {
  it('answers 503 as soon as close() is called, while the server still serves during the drain delay', async () => {
    const registry = new MemoryRegistry({ clock })
    const server = createServer((request, response) => ready(request, response, () => response.end('ok')))
    const url = await listen(server)
    const announced = announceServer(registry, 's', server, { clock, drainDelay: 2_000 })
    const ready = readyHandler(announced)
    const me = await announced
    expect(await ask(`${url}/-/ready`)).toEqual({ status: 200, body: 'ready\n' })
    const closing = me.close()
    expect([me.ready, server.listening]).toEqual([false, true])
    // Nothing has been awaited: the release is not even sent.
    expect(await ask(`${url}/-/ready`)).toEqual({ status: 503, body: 'not ready\n' })
    expect(await ask(`${url}/users/42`)).toEqual({ status: 200, body: 'ok' })
    expect(registry.discover('s')).toEqual([])
    await clock.advance(1_999)
    expect(await status(`${url}/-/ready`)).toBe(503)
    expect(await status(`${url}/users/42`)).toBe(200)
    await clock.advance(1)
    expect(server.listening).toBe(false)
    await settle(closing)
  })

  it('answers 503 before the server is announced, and then follows the health function', async () => {
    let healthy = false
    let answer: () => void = () => {}
    const registry = new MemoryRegistry({ clock })
    const server = createServer((request, response) => ready(request, response))
    const url = await listen(server)
    const first = new Promise<boolean>((resolve) => (answer = () => resolve(true)))
    let asked = 0
    const health = (): boolean | Promise<boolean> => (asked++ === 0 ? first : healthy)
    const announced = announceServer(registry, 's', server, { clock, health, drainDelay: 0 })
    const ready = readyHandler(announced)
    expect(await status(`${url}/-/ready`)).toBe(503)
    answer()
    const me = await announced
    expect(await status(`${url}/-/ready`)).toBe(200)
    await clock.advance(6_000)
    expect([await status(`${url}/-/ready`), registry.discover('s')[0]?.draining]).toEqual([503, true])
    healthy = true
    await clock.advance(12_000)
    expect([await status(`${url}/-/ready`), registry.discover('s')[0]?.draining]).toEqual([200, undefined])
    await settle(me.close())
  })

  it('answers 200 although the registry is down', async () => {
    const server = createServer((request, response) => ready(request, response))
    const url = await listen(server)
    const down = {
      register: () => {
        throw new Error('down')
      },
    }
    const announced = announceServer(down, 's', server, { clock, drainDelay: 0, onError: () => {} })
    const ready = readyHandler(announced)
    const me = await announced
    expect([me.registered, await status(`${url}/-/ready`)]).toEqual([false, 200])
    await settle(me.close())
  })

  it('answers 503 also after the signal aborts, and after other code closes the server', async () => {
    const controller = new AbortController()
    const server = createServer()
    await listen(server)
    const options = { clock, drainDelay: 2_000 }
    const me = await announceServer(new MemoryRegistry({ clock }), 's', server, {
      ...options,
      signal: controller.signal,
    })
    expect(me.ready).toBe(true)
    controller.abort()
    expect(me.ready).toBe(false)
    await settle(me.close())
    const other = createServer()
    await listen(other)
    const second = await announceServer(new MemoryRegistry({ clock }), 's', other, options)
    other.close()
    expect(second.ready).toBe(false)
    await settle(second.close())
  })

  it('answers only GET and HEAD of its path, also in Express', async () => {
    const registry = new MemoryRegistry({ clock })
    const app = express()
    const server = createServer(app)
    const url = await listen(server)
    const me = await announceServer(registry, 's', server, { clock, drainDelay: 0 })
    app.use('/-', readyHandler(me))
    app.use(readyHandler(me, { path: '/healthz' }))
    app.use((_request: unknown, response: ServerResponse) => response.writeHead(418).end())
    expect(await ask(`${url}/-/ready?verbose`)).toEqual({ status: 200, body: 'ready\n' })
    expect(await ask(`${url}/-/ready`, 'HEAD')).toEqual({ status: 200, body: '' })
    expect(await status(`${url}/healthz`)).toBe(200)
    for (const path of ['/', '/-/ready/', '/-/Ready', '/-/readyx', '/x/-/ready', '//-/ready']) {
      expect(await status(url + path), path).toBe(418)
    }
    expect(await status(`${url}/-/ready`, 'POST')).toBe(418)
    await settle(me.close())
  })

  it('answers 404 to other paths when there is no next', async () => {
    const me = { ready: true } as ServerAnnouncement
    const server = createServer(readyHandler(me))
    const url = await listen(server)
    expect(await status(`${url}/other`)).toBe(404)
    expect(await status(`${url}/-/ready`, 'DELETE')).toBe(404)
    expect(await status(`${url}/-/ready`)).toBe(200)
  })

  it('keeps answering 503, with a warning, when the server could not be announced', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const handlers = [
      readyHandler(Promise.reject(new Error('no port'))),
      readyHandler(Promise.resolve('what?' as never)),
      readyHandler(announce(new MemoryRegistry({ clock }), 's', { url: 'http://a:1' }, { clock }) as never),
    ]
    await clock.advance(0)
    expect(emitWarning.mock.calls.map(([warning]) => warning)).toEqual(
      Array.from({ length: 3 }, () => 'the readiness probe answers 503: the server is not announced'),
    )
    for (const ready of handlers) {
      const server = createServer(ready)
      expect(await status(`${await listen(server)}/-/ready`)).toBe(503)
    }
  })

  it.each([
    [null, {}, /the announcement, or a promise of it, must have a method then\(\), got null/],
    [() => {}, {}, /must have a method then\(\)/],
    [{ ready: true }, { route: '/x' }, /readyHandler\.route is not an option/],
    [{ ready: true }, { path: 'x' }, /readyHandler\.path must be a path such as '\/-\/ready', got 'x'/],
    [{ ready: true }, { path: '/x?y' }, /readyHandler\.path/],
    [{ ready: true }, { path: 5 }, /readyHandler\.path .* got 5/],
  ])('refuses %j with %j', (announced, options, message) => {
    expect(() => readyHandler(announced as never, options as never)).toThrow(message)
  })
})

describe('SIGTERM', { timeout: CHILD_TIMEOUT }, () => {
  it('makes the probe fail, and no request fails until the process ends by itself', async () => {
    const program = `
      import { createServer } from 'node:http'
      import { announceServer, MemoryRegistry, readyHandler } from './src/index.ts'
      const server = createServer((req, res) => ready(req, res, () => setTimeout(() => res.end('ok'), 20)))
      const health = async () => true
      const announced = announceServer(new MemoryRegistry(), 's', server.listen(0, '127.0.0.1'), { health, drainDelay: 1_500 })
      const ready = readyHandler(announced)
      process.once('SIGTERM', () => void announced.then((me) => me.close()))
      announced.then((me) => console.log(me.instance.url))
    `
    const child = spawn(
      process.execPath,
      ['--conditions=@outrigger/source', '--input-type=module', '-e', program],
      {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: CHILD_TIMEOUT,
        killSignal: 'SIGKILL',
      },
    )
    const ended = once(child, 'close')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const url = String(line).trim()
    expect(await status(`${url}/-/ready`)).toBe(200)
    const served: (number | undefined)[] = []
    child.kill('SIGTERM')
    // The requests are sent while the server accepts connections, and each is answered.
    let notReady = 0
    for (;;) {
      const answers = await Promise.all([status(`${url}/-/ready`), status(`${url}/users/42`)]).catch(
        () => undefined,
      )
      if (!answers) break
      if (answers[0] === 503) notReady++
      served.push(answers[1])
    }
    expect(notReady).toBeGreaterThan(0)
    expect(new Set(served)).toEqual(new Set([200]))
    expect(await ended).toEqual([0, null])
  })
})

async function settle(closing: Promise<unknown>): Promise<void> {
  const done = new AbortController()
  const closed = closing.finally(() => done.abort())
  while (!done.signal.aborted) {
    await clock.advance(50)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  await closed
}
