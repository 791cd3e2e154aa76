import { createServer, request as httpRequest, type Server } from 'node:http'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, createFetch, fixed, type Client, type Clock } from '../../src/index.ts'
import {
  dashboard,
  serveDashboard,
  type DashboardOptions,
  type ServedDashboard,
} from '../../src/dashboard.ts'
import { CHILD_TIMEOUT } from '../support/child.ts'
import { reply, startServer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'
import { watch, type Watcher } from '../../src/observe/watchers.ts'
import { openStream, type Told } from './pages.ts'

interface Frame {
  services: {
    name: string
    calls: number
    failed: number
    instances: { id: string; state: string; calls: number }[]
  }[]
  lines: { kind: string; text: string }[]
}

let server: TestServer
let client: Client
beforeEach(async () => {
  server = await startServer(reply(200, 'ok'))
  const instances = [
    { id: 'a', url: server.url, metadata: { version: 'v1', secret: 'token=abc' } },
    { id: 'b', url: server.url.replace('127.0.0.1', 'localhost') },
  ]
  client = createClient({ service: 'user-service', source: fixed(instances) })
  await client.ready()
})
afterEach(async () => {
  await client.close()
  await server.close()
})

/** Reads frames from a stream until one matches. */
async function frameOf(
  url: string,
  fits: (frame: Frame) => boolean,
  headers: Record<string, string> = {},
): Promise<Frame> {
  using stream = await openStream(`${url}events`, headers)
  expect(stream.response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
  const seen = new Set<Frame>()
  // Each of them once.
  const { frame } = await stream.until((each: Frame) => !seen.has(each) && (seen.add(each), fits(each)))
  return frame as Frame
}

describe('the stream', () => {
  it('contains calls, failures and events', async () => {
    await using page = await serveDashboard(client)
    // The calls may be in two frames.
    let calls = 0
    let triesOfA = 0
    const kinds: string[] = []
    let told = ''
    const looked = Promise.withResolvers<void>()
    const all = frameOf(page.url, ({ services, lines }) => {
      calls += services[0]?.calls ?? 0
      triesOfA += services[0]?.instances[0]?.calls ?? 0
      kinds.push(...lines.map(({ kind }) => kind))
      told += JSON.stringify(services) + JSON.stringify(lines)
      looked.resolve()
      return calls >= 10 && triesOfA >= 10
    })
    await looked.promise
    client.isolate('b', { reason: 'INC-1' })
    for (let call = 0; call < 10; call++)
      await client('/users/42?token=abc', { headers: { authorization: 'abc' } })
    const { services } = await all
    expect([calls, triesOfA]).toEqual([10, 10])
    expect(services).toMatchObject([{ name: 'user-service', failed: 0 }])
    expect(services[0]?.instances.map(({ id, state }) => [id, state])).toEqual([
      ['a', 'available'],
      ['b', 'open'],
    ])
    expect(kinds).toContain('control')
    expect(told).not.toContain('abc')
  })

  it('contains every service of an application, including later ones', async () => {
    await using app = createFetch({ source: fixed([server.url]), services: { a: {}, b: {} } })
    await using page = await serveDashboard([app, client])
    await app('http://a/')
    await frameOf(page.url, ({ services }) => services.map(({ name }) => name).join() === 'a,user-service')
    await app('http://b/')
    const later = await frameOf(page.url, ({ services }) => services.length === 3)
    expect(later.services.map(({ name }) => name).toSorted()).toEqual(['a', 'b', 'user-service'])
  })

  it('has no listeners while no page is open', async () => {
    let watchers = 0
    const counted: Client = Object.assign(client.bind(undefined), client, {
      [watch]: (watcher: Watcher) => {
        watchers++
        const stop = client[watch](watcher)
        return () => {
          watchers--
          stop()
        }
      },
    })
    const handler = dashboard(counted)
    await using at = await listen(createServer(handler))
    expect(watchers).toBe(0)
    await frameOf(at.url, () => true)
    expect(watchers).toBe(1)
    handler.close()
    await until(() => watchers === 0)
  })

  it('starts again for a page that connects directly after close()', async () => {
    const handler = dashboard(client)
    await using at = await listen(createServer(handler))
    const before = await openStream(`${at.url}events`)
    await before.until(() => true)
    handler.close()
    using after = await openStream(`${at.url}events`)
    expect((await after.until(() => true)).frame.services).toHaveLength(1)
    before[Symbol.dispose]()
    handler.close()
    handler.close()
  })

  it('continues while one page connects and another leaves, and with a clock that ignores its signal', async () => {
    const wakes = new Set<() => void>()
    const clock: Clock = {
      now: () => performance.now(),
      random: () => 0,
      sleep: () => new Promise((resolve) => wakes.add(resolve)),
    }
    const handler = dashboard(client, { clock })
    await using at = await listen(createServer(handler))
    const tick = (): void => {
      const woken = [...wakes]
      wakes.clear()
      for (const wake of woken) wake()
    }
    using first = await openStream(`${at.url}events`)
    await until(() => wakes.size === 1)
    handler.close()
    using second = await openStream(`${at.url}events`)
    await until(() => wakes.size === 2)
    tick()
    await second.until(() => true)
    await until(() => wakes.size === 1)
    expect(first.events).toEqual([])
    expect(second.events).toHaveLength(1)
    handler.close()
    tick()
  })

  it('sends a page that reconnects the frames that it missed', async () => {
    await using page = await serveDashboard(client)
    const ids: number[] = []
    let told: Told | undefined
    const read = async (last: string | undefined, count: number): Promise<void> => {
      const headers = last === undefined ? undefined : { 'last-event-id': last }
      using stream = await openStream(`${page.url}events`, headers, told)
      await until(() => stream.events.length >= count)
      ids.push(...stream.events.slice(0, count).map(({ id }) => id))
      told = stream.told
    }
    await read(undefined, 2)
    await sleep(1100)
    await read(String(ids[1]), 1)
    const [first = 0] = ids
    expect(ids).toEqual([first, first + 1, first + 2])
  })

  it('skips frames for a page that does not read, and does not delay the others', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => ({
      id: `i${index}`,
      url: `http://10.0.${index >> 8}.${index & 255}:80`,
    }))
    await using large = createClient({ service: 'large', source: fixed(many) })
    await large.ready()
    await using page = await serveDashboard(large, { history: 300_000 })
    const slow = httpRequest(`${page.url}events`)
    slow.on('error', () => {})
    slow.on('response', (response) => response.pause())
    slow.end()
    for (let look = 0; look < 2; look++) {
      const frame = await frameOf(page.url, ({ services }) => services.length === 1)
      expect(frame.services[0]?.instances).toHaveLength(1000)
    }
    slow.destroy()
  })
})

async function listen(at: Server): Promise<{ url: string } & AsyncDisposable> {
  at.listen(0, '127.0.0.1')
  await once(at, 'listening')
  const { port } = at.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      at.closeAllConnections()
      await new Promise((resolve) => at.close(resolve))
    },
  }
}

/**
 * Runs in a separate process, because Express loads a module that does not work with the conditions of the test
 * runner.
 */
async function inExpress(instance: string): Promise<{ url: string } & AsyncDisposable> {
  const code = `
    import express from 'express'
    import { createClient, fixed } from 'outrigger'
    import { dashboard } from 'outrigger/dashboard'
    const client = createClient({ service: 'user-service', source: fixed(['${instance}']) })
    await client.ready()
    const app = express().use('/ops', dashboard(client))
    const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))`
  const args = ['--conditions=@outrigger/source', '--input-type=module', '-e', code]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CHILD_TIMEOUT,
    killSignal: 'SIGKILL',
  })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    url: `http://127.0.0.1:${String(port).trim()}/ops/`,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

describe('is mounted', { timeout: CHILD_TIMEOUT }, () => {
  const mounts: [
    string,
    (handler: ReturnType<typeof dashboard>) => Promise<{ url: string } & AsyncDisposable>,
    DashboardOptions?,
  ][] = [
    ['in node:http', (handler) => listen(createServer(handler))],
    [
      'in node:http behind a path',
      async (handler) => {
        const at = await listen(
          createServer((request, response) => handler(request, response, () => response.end('other'))),
        )
        return { ...at, url: `${at.url}ops/` }
      },
      { path: '/ops' },
    ],
    ['in Express', async () => inExpress(server.url)],
    [
      'in Fastify',
      async (handler) => {
        const app = fastify({ forceCloseConnections: true })
        app.all('/ops/*', (request, reply) => {
          reply.hijack()
          handler(request.raw, reply.raw)
        })
        const url = await app.listen({ port: 0, host: '127.0.0.1' })
        return { url: `${url}/ops/`, [Symbol.asyncDispose]: () => (handler.close(), app.close()) }
      },
      { path: '/ops' },
    ],
    [
      'in Hono on Node',
      async (handler) => {
        const { RESPONSE_ALREADY_SENT } = await import('@hono/node-server/utils/response')
        const app = new Hono<{ Bindings: { incoming: never; outgoing: never } }>()
        app.all('/ops/*', (context) => {
          handler(context.env.incoming, context.env.outgoing)
          return RESPONSE_ALREADY_SENT
        })
        const at = serve({
          fetch: app.fetch,
          port: 0,
          hostname: '127.0.0.1',
          // Otherwise every other test of this worker would use Hono's Response.
          overrideGlobalObjects: false,
        }) as Server
        await once(at, 'listening')
        const { port } = at.address() as AddressInfo
        return {
          url: `http://127.0.0.1:${port}/ops/`,
          [Symbol.asyncDispose]: async () => {
            at.closeAllConnections()
            await new Promise((resolve) => at.close(resolve))
          },
        }
      },
      { path: '/ops' },
    ],
  ]
  it.each(mounts)('%s', async (_name, mount, options) => {
    await using at = await mount(dashboard(client, options))
    const files = await readdir(new URL('../../src/dashboard/page/', import.meta.url))
    expect(files).toContain('page.html')
    for (const file of files) {
      const response = await fetch(at.url + (file === 'page.html' ? '' : file))
      const type = `text/${extname(file).slice(1).replace('js', 'javascript')}; charset=utf-8`
      expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
      expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect((await response.text()).length).toBeGreaterThan(500)
    }
    await frameOf(at.url, ({ services }) => services.length === 1)
    const explained = (await (await fetch(`${at.url}explain?service=user-service&target=/x`)).json()) as {
      text: string
    }
    expect(explained.text).toContain('may be picked')
  })

  it('redirects the browser to the path with a slash', async () => {
    await using at = await inExpress(server.url)
    const response = await fetch(`${at.url.slice(0, -1)}?x=1`)
    expect(response.url).toBe(at.url)
    await using own = await listen(createServer(dashboard(client)))
    for (const path of [
      'page/main.js',
      '../package.json',
      '%2e%2e/handler.ts',
      'handler.ts',
      'constructor',
    ]) {
      expect((await fetch(own.url + path)).status).toBe(404)
    }
    expect((await fetch(`${own.url}explain?service=nobody`)).status).toBe(400)
  })
})

describe('actions', () => {
  const act = (
    page: ServedDashboard,
    wish: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${page.url}act`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-outrigger-dashboard': '1', ...headers },
      body: typeof wish === 'string' ? wish : JSON.stringify(wish),
    })
  const isolated = { service: 'user-service', action: 'isolate', id: 'b', reason: 'INC-2' }
  const byHand = (): unknown => client.snapshot().instances.map((each) => each.byHand?.isolated?.reason)

  it.each<[string, DashboardOptions['actions'], Record<string, string>]>([
    ['without permission', undefined, {}],
    ['when the function says no', { authorize: () => false }, {}],
    ['when it says anything but yes', { authorize: () => ({}) }, {}],
    [
      'when it throws',
      {
        authorize: () => {
          throw new Error('boom')
        },
      },
      {},
    ],
    ['when it rejects', { authorize: () => Promise.reject(new Error('boom')) }, {}],
    ['without its header', { authorize: () => true }, { 'x-outrigger-dashboard': '' }],
    ['from another site', { authorize: () => true }, { 'sec-fetch-site': 'cross-site' }],
    ['from another origin', { authorize: () => true }, { origin: 'http://evil.example' }],
  ])('are refused %s', async (_name, actions, headers) => {
    await using page = await serveDashboard(client, { ...(actions && { actions }) })
    const response = await act(page, isolated, headers)
    expect(response.status).toBe(403)
    expect(byHand()).toEqual([undefined, undefined])
  })

  it('are executed for authorized users, and appear in events', async () => {
    await using page = await serveDashboard(client, {
      actions: { authorize: async ({ headers }) => headers['x-user'] },
    })
    expect(await (await fetch(`${page.url}may-act`)).json()).toEqual({ mayAct: false })
    const told: unknown[] = []
    client.on('control', ({ action, id, reason }) => told.push([action, id, reason]))
    client.on('config:changed', ({ by }) => told.push(by))
    const as = { 'x-user': 'ann', origin: page.url.slice(0, -1), 'sec-fetch-site': 'same-origin' }
    expect((await act(page, isolated, as)).status).toBe(200)
    expect(byHand()).toEqual([undefined, 'INC-2 (dashboard: ann)'])
    for (const wish of [
      { service: 'user-service', action: 'restore', id: 'b' },
      { service: 'user-service', action: 'drain', id: 'a', for: 60_000 },
      { service: 'user-service', action: 'weigh', id: 'b', weight: 2 },
      { service: 'user-service', action: 'dryRun', on: true },
    ]) {
      expect(await (await act(page, wish, as)).json()).toEqual({ done: true })
    }
    expect(told).toEqual([
      ['isolate', 'b', 'INC-2 (dashboard: ann)'],
      ['restore', 'b', undefined],
      ['drain', 'a', 'dashboard: ann'],
      ['weigh', 'b', 'dashboard: ann'],
      'dashboard: ann',
    ])
  })

  it.each<[unknown, string]>([
    ['{', 'JSON'],
    ['x'.repeat(70_000), 'more than 65536 bytes'],
    [{ ...isolated, id: 'c' }, "'c'"],
    [{ ...isolated, service: 'other' }, "there is no service 'other'"],
    [
      { ...isolated, action: 'close' },
      "action must be isolate, restore, drain, weigh or dryRun, got 'close'",
    ],
    [{ ...isolated, more: 1 }, 'action.more is not an option'],
    [{ service: 'user-service', action: 'weigh', id: 'a' }, 'weight'],
    [{ service: 'user-service', action: 'dryRun', on: 1 }, 'action.on must be'],
    [null, 'must be an object'],
  ])('that are invalid, such as %j, are answered with the reason', async (wish, message) => {
    await using page = await serveDashboard(client, { actions: { authorize: () => true } })
    const response = await act(page, wish)
    expect(response.status).toBe(400)
    expect(((await response.json()) as { error: string }).error).toContain(message)
    expect(byHand()).toEqual([undefined, undefined])
  })
})

describe('options', () => {
  it.each<[unknown, unknown, string]>([
    [{}, {}, 'dashboard(clients) must have a method snapshot()'],
    [{ snapshot: () => {} }, {}, 'dashboard(clients) must be made by createClient() or createFetch()'],
    [undefined, { path: 'ops' }, "dashboard().path must be a path such as '/ops'"],
    [undefined, { actions: {} }, 'dashboard().actions.authorize must be a function'],
    [undefined, { history: -1 }, 'dashboard().history must be'],
    [undefined, { histroy: 1 }, 'histroy'],
  ])('%o, %o are refused', (shown, options, message) => {
    expect(() => dashboard((shown ?? client) as Client, options as DashboardOptions)).toThrow(message)
  })

  it('a port that is in use is an error', async () => {
    await using page = await serveDashboard(client)
    await expect(serveDashboard(client, { port: Number(new URL(page.url).port) })).rejects.toThrow(
      'EADDRINUSE',
    )
  })

  it('a client that cannot be read is reported, and its calls continue', async () => {
    const broken = new Proxy(client, {
      get: (target, name) =>
        name === 'explain'
          ? () => {
              throw new Error('boom')
            }
          : (Reflect.get(target, name) as unknown),
    })
    await using page = await serveDashboard(broken)
    await frameOf(page.url, ({ lines }) => lines.some(({ text }) => text.includes('boom')))
    expect((await client('/')).status).toBe(200)
  })
})
