import { describe, expect, it } from 'vitest'
import {
  announce,
  createClient,
  MemoryRegistry,
  NoInstanceError,
  random,
  type ClientOptions,
} from '../../src/index.ts'
import { collect } from '../support/events.ts'
import { ok, reply, startServer } from '../support/http-server.ts'
import { HandSource } from '../support/source.ts'
import { until } from '../support/until.ts'

const options = (source: ClientOptions['source']): ClientOptions => ({ service: 'user-service', source })

describe('a call', () => {
  it('before the first snapshot waits for it', async () => {
    await using server = await startServer(ok)
    const source = new HandSource()
    await using client = createClient(options(source))
    const calls = [client('/'), client.request('/'), client.execute(({ url }) => url)] as const
    expect(client.snapshot()).toMatchObject({ ready: false, instances: [] })
    source.push(server.url)
    expect(await (await calls[0]).text()).toBe('ok')
    expect(await (await calls[1]).body.text()).toBe('ok')
    expect(await calls[2]).toBe(server.url)
    await client.ready()
    expect(client.snapshot().ready).toBe(true)
  })

  it('before the first snapshot fails at its deadline, with the source’s last error as the cause', async () => {
    const source = new HandSource()
    const cause = new Error('the registry is away')
    await using client = createClient({ ...options(source), timeout: 50 })
    const stale = collect(client, 'source:stale')
    const call = client('/').catch((error: unknown) => error)
    source.fail(cause)
    const error = await call
    expect(error).toBeInstanceOf(NoInstanceError)
    expect(error).toMatchObject({ code: 'ERR_OUTRIGGER_NO_INSTANCE', cause })
    expect(stale).toMatchObject([{ error: cause, instances: 0 }])
  })

  it('after an empty snapshot is rejected at once', async () => {
    const source = new HandSource()
    await using client = createClient(options(source))
    const rejected = collect(client, 'call:rejected')
    source.push()
    await expect(client('/')).rejects.toBeInstanceOf(NoInstanceError)
    expect(rejected).toMatchObject([{ service: 'user-service', error: { name: 'NoInstanceError' } }])
  })

  it('never waits for the source once there was a snapshot', async () => {
    await using server = await startServer(ok)
    const source = new HandSource()
    await using client = createClient(options(source))
    const stale = collect(client, 'source:stale')
    source.push(server.url)
    await client.ready()
    source.fail(new Error('the registry is away'))
    await until(() => stale.length === 1)
    expect(client.snapshot()).toMatchObject({ stale: true, instances: [{}] })
    expect(await (await client('/')).text()).toBe('ok')
  })
})

describe('a registry', () => {
  it('that becomes empty makes calls fail, until it has instances again', async () => {
    await using server = await startServer(ok)
    const registry = new MemoryRegistry()
    registry.register('user-service', { id: 'a', url: server.url })
    await using client = createClient(options(registry))
    const removed = collect(client, 'instance:removed')
    expect(await (await client('/')).text()).toBe('ok')
    registry.deregister('user-service', 'a')
    await until(() => removed.length === 1)
    await expect(client('/')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_NO_INSTANCE' })
    registry.register('user-service', { id: 'a', url: server.url })
    await until(() => client.snapshot().instances.length === 1)
    expect(await (await client('/')).text()).toBe('ok')
  })

  it('that becomes empty keeps its last instances in use for emptyGrace', async () => {
    await using server = await startServer(ok)
    const registry = new MemoryRegistry()
    const lease = registry.register('user-service', { url: server.url })
    await using client = createClient({ ...options(registry), emptyGrace: 60_000 })
    await client.ready()
    lease.release()
    for (let call = 0; call < 3; call++) expect((await client('/')).status).toBe(200)
  })

  it('lists announced servers, and the client balances over them', async () => {
    await using first = await startServer(reply(200, 'first'))
    await using second = await startServer(reply(200, 'second'))
    const registry = new MemoryRegistry()
    await using staying = await announce(registry, 'user-service', { url: first.url })
    const leaving = await announce(registry, 'user-service', { url: second.url })
    await using client = createClient({
      ...options(registry),
      balance: random(),
    })
    expect(staying).toBeDefined()
    const seen = new Set<string>()
    await until(async () => seen.add(await (await client('/')).text()).size === 2)
    await leaving[Symbol.asyncDispose]()
    await until(() => client.snapshot().instances.length === 1)
    for (let call = 0; call < 5; call++) expect(await (await client('/')).text()).toBe('first')
  })
})

describe('a source that yields invalid snapshots', () => {
  it('loses only the invalid entries, which an event names', async () => {
    await using server = await startServer(ok)
    const source = new HandSource()
    await using client = createClient(options(source))
    const invalid = collect(client, 'source:invalid')
    source.pushRaw([
      { id: 'good', url: server.url },
      { id: 'no-url' },
      { id: 'port-zero', url: 'http://127.0.0.1:0' },
      { id: 'good', url: 'http://127.0.0.1:1' },
      { id: '__proto__', url: 'http://127.0.0.1:1', weight: -1 },
      null,
    ])
    expect(await (await client('/')).text()).toBe('ok')
    expect(client.snapshot().instances.map(({ instance }) => instance.id)).toEqual(['good'])
    expect(invalid).toHaveLength(1)
    expect(invalid[0]?.rejected).toHaveLength(5)
    expect(JSON.stringify(invalid[0])).toContain('port-zero')
  })

  it('becomes stale, and keeps the last valid instances', async () => {
    await using server = await startServer(ok)
    const source = new HandSource()
    await using client = createClient(options(source))
    const stale = collect(client, 'source:stale')
    source.push(server.url)
    await client.ready()
    source.pushRaw({ not: 'a list' })
    await until(() => stale.length === 1)
    expect(stale[0]).toMatchObject({ instances: 1, error: { name: 'TypeError' } })
    expect(await (await client('/')).text()).toBe('ok')
  })

  it('with an instance named __proto__ works', async () => {
    await using server = await startServer(ok)
    const source = new HandSource()
    await using client = createClient(options(source))
    source.push({ id: '__proto__', url: server.url })
    expect(await (await client('/')).text()).toBe('ok')
    expect(client.snapshot().instances).toMatchObject([{ instance: { id: '__proto__' } }])
  })

  it('with 100,000 instances works', { timeout: 30_000 }, async () => {
    await using server = await startServer(ok)
    const source = new HandSource()
    await using client = createClient({ ...options(source), balance: (list) => list.at(-1) })
    const many = Array.from({ length: 99_999 }, (_, index) => ({
      id: String(index),
      url: `http://10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:80`,
    }))
    source.push(...many, server.url)
    expect(await (await client('/')).text()).toBe('ok')
  })
})
