import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createNetServer, type AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { announceServer, serverUrl, type AnnouncedServer } from '../../src/registry/announce-server.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import type { Registrar } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

function serve(listener: RequestListener = (_req, res) => res.end('ok')): Server {
  const server = createServer(listener)
  servers.push(server)
  return server
}

async function listening(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

describe('announceServer', () => {
  it('registers only once the server listens, under its url', async () => {
    const registry = new MemoryRegistry({ clock: new ManualClock() })
    const server = serve()
    const announcing = announceServer(registry, 's', server, { instance: { id: 'me', zone: 'z' } })
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    expect(registry.discover('s')).toEqual([])
    server.listen(0, '127.0.0.1')
    const me = await announcing
    const { port } = server.address() as AddressInfo
    expect(registry.discover('s')).toEqual([{ id: 'me', zone: 'z', url: `http://127.0.0.1:${port}` }])
    expect(me.registered).toBe(true)
    server.close()
    await once(server, 'close')
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    expect(registry.discover('s')).toEqual([])
    await me.close()
  })

  it('stops waiting when the signal aborts, or when the server cannot listen', async () => {
    const registry = new MemoryRegistry()
    const controller = new AbortController()
    const waiting = announceServer(registry, 's', serve(), { signal: controller.signal })
    controller.abort()
    await expect(waiting).rejects.toThrow('aborted')
    const { port } = (await listening(serve())).address() as AddressInfo
    const taken = serve()
    const failing = announceServer(registry, 's', taken)
    taken.listen(port, '127.0.0.1')
    await expect(failing).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(registry.discover('s')).toEqual([])
  })

  it('closes in this order: release the lease, serve during the drain, stop accepting, finish requests in flight, close', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    let finish: () => void = () => {}
    const server = await listening(
      serve((req, res) => {
        if (req.url === '/slow') finish = () => res.end('slow')
        else res.end('ok')
      }),
    )
    const me = await announceServer(registry, 's', server, { clock, drainDelay: 2000 })
    const { url } = me.instance
    const closing = me.close()
    await clock.advance(0)
    expect(registry.discover('s')).toEqual([])
    expect(server.listening).toBe(true)
    await clock.advance(1999)
    expect(await text(`${url}/late`)).toBe('ok')
    const slow = text(`${url}/slow`)
    await once(server, 'request')
    await clock.advance(1)
    expect(server.listening).toBe(false)
    await expect(text(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await clock.advance(5000)
    finish()
    expect(await slow).toBe('slow')
    await idle(clock, server)
    await closing
    expect(clock.timers).toBe(0)
  })

  it('closes each HTTP/1 connection with its next response during the drain, and none before', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    const server = await listening(serve((request, response) => response.end(request.url)))
    const me = await announceServer(registry, 's', server, { clock, drainDelay: 1_000 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = async (path: string): Promise<string | undefined> => {
      const { port } = server.address() as AddressInfo
      const [response] = (await once(get({ port, host: '127.0.0.1', path, agent }), 'response')) as [
        IncomingMessage,
      ]
      response.resume()
      await once(response, 'end')
      return response.headers.connection
    }
    expect(await ask('/1')).toBe('keep-alive')
    expect(await ask('/2')).toBe('keep-alive')
    const closed = me.close()
    await clock.advance(0)
    expect(await ask('/3')).toBe('close')
    expect(await ask('/4')).toBe('close')
    const over = once(server, 'close')
    await clock.advance(1_000)
    await over
    await closed
    agent.destroy()
  })

  it('closes a keep-alive connection that was busy when the server stopped accepting', async () => {
    const clock = new ManualClock()
    let finish: () => void = () => {}
    const server = await listening(serve((_req, res) => (finish = () => res.end('done'))))
    server.keepAliveTimeout = 0
    const me = await announceServer(new MemoryRegistry({ clock }), 's', server, {
      clock,
      drainDelay: 0,
      closeTimeout: Infinity,
    })
    const agent = new Agent({ keepAlive: true })
    const response = text(me.instance.url, agent)
    await once(server, 'request')
    const closing = me.close()
    await clock.advance(0)
    finish()
    expect(await response).toBe('done')
    expect(await connections(server)).toBe(1)
    await idle(clock, server)
    await closing
    agent.destroy()
  })

  it('closes connections that are still in use after closeTimeout', async () => {
    const clock = new ManualClock()
    const server = await listening(serve(() => {}))
    const me = await announceServer(new MemoryRegistry({ clock }), 's', server, {
      clock,
      drainDelay: 0,
      closeTimeout: 1000,
    })
    const hanging = text(me.instance.url)
    await once(server, 'request')
    const closing = me.close()
    await clock.advance(900)
    expect(await connections(server)).toBe(1)
    await clock.advance(200)
    await expect(hanging).rejects.toMatchObject({ code: 'ECONNRESET' })
    await closing
  })

  it('closes once, by close(), dispose or the signal', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    const controller = new AbortController()
    const server = await listening(serve())
    const { signal } = controller
    const me = await announceServer(registry, 's', server, { clock, signal, drainDelay: 100 })
    controller.abort()
    await clock.advance(0)
    expect(registry.discover('s')).toEqual([])
    const all = Promise.all([me.close(), me[Symbol.asyncDispose]()])
    await clock.advance(100)
    await idle(clock, server)
    await all
    expect(server.listening).toBe(false)
  })

  it.each([
    [{ drainDelay: -1 }, /drainDelay must be a number >= 0/],
    [{ closeTimeout: NaN }, /closeTimeout/],
    [{ drain: 1 }, /announceServer\.drain is not an option/],
    [{ timeout: -1 }, /timeout/],
    [{ url: 'http://a/base' }, /url must be an origin/],
    [{ url: null }, /url must be a string, got null/],
    [{ url: '' }, /url must be an absolute http or https url, got ''/],
    [{ host: 5 }, /host must be a host name or an IP address, got 5/],
    [{ host: null }, /host must be .*, got null/],
    [{ host: '' }, /host must be .*, got ''/],
    [{ host: 'a/b' }, /host must be .*, got 'a\/b'/],
    [{ host: 'me@a' }, /host must be .*, got 'me@a'/],
    [{ host: 'a:80' }, /host must be .*, got 'a:80'/],
    [{ instance: 'x' }, /instance must be an object, got 'x'/],
    [{ instance: null }, /instance must be an object, got null/],
    [{ instance: { url: 'http://a:1' } }, /instance\.url is not an option/],
    [{ instance: { weight: -1 } }, /weight must be a number >= 0/],
    [{ onError: 5 }, /onError must be a function, got 5/],
    [{ clock: null }, /clock must have a method now\(\), got null/],
    [{ signal: null }, /signal must have a method addEventListener\(\), got null/],
    [{ drainDelay: null }, /drainDelay must be a number, got null/],
  ])('refuses %j without waiting for the server', async (options, message) => {
    const announcing = announceServer(new MemoryRegistry(), 's', serve(), options as object)
    await expect(announcing).rejects.toThrow(message)
  })

  it.each([
    [null, 's', /registrar must have a method register\(\), got null/],
    [new MemoryRegistry(), '', /service must be a string that is not empty, got ''/],
  ])('refuses %j and %j without waiting for the server', async (registrar, service, message) => {
    await expect(announceServer(registrar as Registrar, service, serve())).rejects.toThrow(message)
  })

  it('announces nothing when the signal aborts during the first try', async () => {
    const clock = new ManualClock()
    const controller = new AbortController()
    const { signal } = controller
    const server = await listening(serve())
    const hanging: Registrar = { register: () => new Promise(() => {}) }
    const announcing = announceServer(hanging, 's', server, { clock, signal })
    controller.abort(new Error('enough'))
    await expect(announcing).rejects.toThrow('enough')
    await clock.advance(5000)
    expect(clock.timers).toBe(0)
    expect(server.listening).toBe(true)
  })

  it('closes the announcement when the server closes during the first try', async () => {
    const clock = new ManualClock()
    const registry = new MemoryRegistry({ clock })
    const server = await listening(serve())
    const registering = Promise.withResolvers<void>()
    const slow: Registrar = {
      register: async (service, instance) => {
        await registering.promise
        return registry.register(service, instance)
      },
    }
    const announcing = announceServer(slow, 's', server, { clock })
    server.close()
    await once(server, 'close')
    registering.resolve()
    await announcing
    await clock.advance(0)
    expect(registry.discover('s')).toEqual([])
    expect(clock.timers).toBe(0)
  })

  it('refuses a value that is not an http server', async () => {
    const server = createNetServer() as unknown as AnnouncedServer
    await expect(announceServer(new MemoryRegistry(), 's', server)).rejects.toThrow(/closeAllConnections/)
  })
})

describe('serverUrl', () => {
  const external = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

  it.each([
    ['127.0.0.1', undefined, 'http://127.0.0.1'],
    ['0.0.0.0', undefined, `http://${external ?? '127.0.0.1'}`],
    ['0.0.0.0', 'api.internal', 'http://api.internal'],
    ['127.0.0.1', '::1', 'http://[::1]'],
  ])('of a server on %s with host %s is %s', async (address, host, origin) => {
    const server = serve()
    server.listen(0, address)
    await once(server, 'listening')
    expect(serverUrl(server, host)).toBe(`${origin}:${(server.address() as AddressInfo).port}`)
  })

  it('returns an https url for an https server', async () => {
    const server = createHttpsServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    expect(serverUrl(server)).toMatch(/^https:/)
    server.close()
  })

  it.each([5, null, '', 'a b'])('refuses %j as the host', async (host) => {
    const server = await listening(serve())
    expect(() => serverUrl(server, host as string)).toThrow(/host must be a host name or an IP address, got/)
  })

  it('throws for a server on a unix socket', async () => {
    const server = serve()
    server.listen(join(tmpdir(), `outrigger-${process.pid}.sock`))
    await once(server, 'listening')
    expect(() => serverUrl(server)).toThrow(/needs the url option/)
  })
})

function text(url: string, agent: Agent | false = false): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (res: IncomingMessage) => {
      res.toArray().then((chunks) => resolve(Buffer.concat(chunks as Buffer[]).toString()), reject)
    }).on('error', reject)
  })
}

function connections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

/** Runs the sockets and the manual clock alternately until the server has closed. */
async function idle(clock: ManualClock, server: Server): Promise<void> {
  while ((await connections(server)) > 0) {
    await clock.advance(50)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  await clock.advance(50)
}
