import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { createClient, MemoryRegistry, OutriggerError, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'
import { hang, ok, reply, startServer, stall } from '../support/http-server.ts'
import { HandSource } from '../support/source.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({ service: 'user-service', source: fixed(urls) })

describe('close()', () => {
  it('rejects later calls through every door', async () => {
    await using server = await startServer(ok)
    const client = createClient(options(server.url))
    await client.close()
    const closed = { name: 'OutriggerError', code: 'ERR_OUTRIGGER_CLOSED' }
    await expect(client('/')).rejects.toMatchObject(closed)
    await expect(client.request('/')).rejects.toMatchObject(closed)
    await expect(client.execute(() => 1)).rejects.toMatchObject(closed)
    await expect(request('http://user-service/', { dispatcher: client.dispatcher })).rejects.toMatchObject(
      closed,
    )
    expect(server.requests).toEqual([])
  })

  it('rejects later calls through the dispatcher also if the client was used before', async () => {
    await using server = await startServer(ok)
    const client = createClient(options(server.url))
    await (await client('/')).text()
    await client.close()
    await expect(request('http://user-service/', { dispatcher: client.dispatcher })).rejects.toMatchObject({
      code: 'ERR_OUTRIGGER_CLOSED',
    })
  })

  it('rejects calls as soon as it is called', async () => {
    await using server = await startServer(ok)
    const client = createClient(options(server.url))
    await client.ready()
    const closing = client.close()
    const closed = { code: 'ERR_OUTRIGGER_CLOSED' }
    await expect(request('http://user-service/', { dispatcher: client.dispatcher })).rejects.toMatchObject(
      closed,
    )
    await expect(client('/')).rejects.toMatchObject(closed)
    await closing
    expect(server.requests).toEqual([])
  })

  it('can be called twice, also at the same time', async () => {
    await using server = await startServer(ok)
    const client = createClient(options(server.url))
    await Promise.all([client.close(), client.close()])
    await client.close()
    await client[Symbol.asyncDispose]()
    expect(client.snapshot().instances).toEqual([])
  })

  it('rejects calls and ready() that wait for the first snapshot', async () => {
    const client = createClient({ ...options(), source: new HandSource() })
    const waiting = [client('/'), client.request('/'), client.execute(() => 1), client.ready()]
    const settled = Promise.allSettled(waiting)
    await client.close()
    for (const result of await settled) {
      expect(result.status).toBe('rejected')
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(OutriggerError)
      expect((result as PromiseRejectedResult).reason).toHaveProperty('code', 'ERR_OUTRIGGER_CLOSED')
    }
  })

  it('lets calls in flight finish, then closes every connection', async () => {
    const gate = Promise.withResolvers<void>()
    await using server = await startServer(async (_request, response) => {
      await gate.promise
      response.end('finished')
    })
    const client = createClient(options(server.url))
    const running = client('/')
    await server.seen(1)
    const closing = client.close()
    gate.resolve()
    expect(await (await running).text()).toBe('finished')
    await closing
    await until(() => server.open === 0)
  })

  it.each([
    ['an answer', hang],
    ['a body', stall],
  ])('waits for %s no longer than drainTimeout', async (_name, answer) => {
    await using server = await startServer(answer)
    const client = createClient({ ...options(server.url), drainTimeout: 30 })
    const failed = client('/')
      .then((response) => response.text())
      .catch((error: unknown) => error)
    await server.seen(1)
    await client.close()
    expect(await failed).toBeInstanceOf(Error)
  })

  it('does not let a call in flight start another try', async () => {
    await using server = await startServer(reply(503))
    const client = createClient({ ...options(server.url), retry: { attempts: 10, backoff: 20 } })
    const retrying = new Promise((resolve) => client.once('call:retry', resolve))
    const running = client('/')
    await retrying
    await client.close()
    expect((await running).status).toBe(503)
    const { length } = server.requests
    await expect(client('/')).rejects.toThrow(Error)
    expect(server.requests).toHaveLength(length)
  })

  it('ends the wait between two tries at once, with the last response', async () => {
    await using server = await startServer(reply(503))
    const clock = new ManualClock()
    const retry = { attempts: 3, backoff: 10_000 }
    const client = createClient({ ...options(server.url), clock, retry })
    const retrying = new Promise((resolve) => client.once('call:retry', resolve))
    const running = client('/')
    await retrying
    await client.close()
    expect((await running).status).toBe(503)
    expect(clock.timers).toBe(0)
    expect(server.requests).toHaveLength(1)
  })

  it('called by a listener of call:retry ends the call before its wait begins', async () => {
    const clock = new ManualClock()
    const retry = { attempts: 3, backoff: 10_000 }
    const client = createClient({ ...options('http://127.0.0.1:1'), clock, retry })
    client.once('call:retry', () => client.close())
    await expect(client.execute(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    await client.close()
    expect(clock.timers).toBe(0)
  })

  it('called by a listener while a call is evicted also rejects the call that took its place', async () => {
    const clock = new ManualClock()
    const client = createClient({ ...options('http://127.0.0.1:1'), clock, limit: { max: 1, queue: 1 } })
    await client.ready()
    client.once('call:rejected', () => client.close())
    const gate = Promise.withResolvers<string>()
    const running = client.execute(() => gate.promise)
    const evicted = client.execute(() => 'never', { priority: 'sheddable' })
    const late = client.execute(() => 'never', { priority: 'critical' })
    await expect(evicted).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_LIMIT' })
    await expect(late).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    gate.resolve('finished')
    expect(await running).toBe('finished')
    await client.close()
    expect(clock.timers).toBe(0)
  })

  it('lets no wait for a retry begin after it was called', async () => {
    const clock = new ManualClock()
    const retry = { attempts: 3, backoff: 10_000 }
    const client = createClient({ ...options('http://127.0.0.1:1'), clock, retry })
    const gate = Promise.withResolvers<never>()
    const running = client.execute(() => gate.promise, { idempotent: true })
    await client.ready()
    const closing = client.close()
    gate.reject(new Error('too late'))
    await expect(running).rejects.toThrow('too late')
    await closing
    expect(clock.timers).toBe(0)
  })

  it('rejects calls that wait for a place, and lets calls with a place finish', async () => {
    const clock = new ManualClock()
    const client = createClient({
      ...options('http://127.0.0.1:1'),
      clock,
      limit: { max: 1, queue: 2 },
    })
    const gate = Promise.withResolvers<string>()
    const running = client.execute(() => gate.promise)
    const queued = [client.execute(() => 'never'), client.execute(() => 'never')]
    await client.ready()
    const closing = client.close()
    for (const call of queued) await expect(call).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    gate.resolve('finished')
    expect(await running).toBe('finished')
    await closing
    expect(clock.timers).toBe(0)
  })

  it('of one client does not affect another client of the same registry', async () => {
    await using server = await startServer(ok)
    const source = new MemoryRegistry()
    source.register('user-service', { url: server.url })
    const first = createClient({ ...options(), source })
    await using second = createClient({ ...options(), source })
    await (await first('/')).text()
    await first.close()
    expect(await (await second('/')).text()).toBe('ok')
  })
})

const serverAndClient = `
  import { createServer } from 'node:http'
  import { once } from 'node:events'
  import { createClient, MemoryRegistry } from './src/index.ts'
  const server = createServer((request, response) => {
    if (request.url === '/503') response.writeHead(503)
    response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const registry = new MemoryRegistry()
  registry.register('user-service', { url: 'http://127.0.0.1:' + server.address().port })
`

describe('a process', { timeout: CHILD_TIMEOUT }, () => {
  it('exits once its client is closed, with no handle left', async () => {
    const { code, stdout, stderr } = await runChild(`
      ${serverAndClient}
      const client = createClient({ service: 'user-service', source: registry, timeout: { total: 60_000, attempt: 60_000 } })
      await (await client('/')).text()
      await (await client('/503')).text()
      await client.close()
      server.close()
      server.closeAllConnections()
      setImmediate(() => console.log(process.getActiveResourcesInfo().filter((name) => name !== 'Immediate' && !name.endsWith('Wrap')).join()))
    `)
    expect({ code, stdout: stdout.trim(), stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('is not kept alive by a client that was not closed', async () => {
    const { code, stdout } = await runChild(`
      ${serverAndClient}
      const client = createClient({ service: 'user-service', source: registry, breaker: { failureThreshold: 1 } })
      await (await client('/503')).text()
      console.log(client.snapshot().instances[0].breaker)
      server.close()
      server.closeAllConnections()
    `)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'open\n' })
  })

  it('is not kept alive by a client that waits for an unreachable registry', async () => {
    const { code } = await runChild(`
      import { createClient } from './src/index.ts'
      createClient({ service: 'user-service', source: { async *watch() { throw new Error('away') } } })
    `)
    expect(code).toBe(0)
  })
})
