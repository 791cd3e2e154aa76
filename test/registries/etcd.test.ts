import { execFile } from 'node:child_process'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { announce } from '../../src/registry/announce.ts'
import { Discovery } from '../../src/registry/discovery.ts'
import { etcd } from '../../src/registry/etcd.ts'
import { jsonLines, MAX_ANSWER } from '../../src/registry/http/json-lines.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { registrarSuite, sourceSuite } from '../../src/testing/source-suite.ts'
import { runTool, startEtcd, type TestServer } from '../support/servers/index.ts'
import { certificates, type Certificates } from './certificates.ts'
import { bodyOf, countingProxy, reader, serve, shown, silence, until } from './fake-http.ts'
import { tool } from './tool.ts'

vi.setConfig({ testTimeout: 60_000 })

const run = promisify(execFile)
const unused = { signal: new AbortController().signal }

let server: TestServer
let stop: AbortController
let count = 0

beforeAll(async () => {
  server = await startEtcd()
})
afterAll(() => server.close())
beforeEach(() => {
  stop = new AbortController()
})
afterEach(() => stop.abort())

const freshService = (): string => `service-${count++}`
const ctl = (...args: string[]): Promise<string> => tool('etcdctl', args, server)

async function api(path: string, body: object, to = server): Promise<Record<string, unknown>> {
  const response = await fetch(to.url + path, { method: 'POST', body: JSON.stringify(body) })
  return (await response.json()) as Record<string, unknown>
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

async function put(service: string, instances: readonly Instance[]): Promise<void> {
  const puts = instances.map((instance) => ({
    requestPut: {
      key: base64(`/services/${service}/${instance.id}`),
      value: base64(JSON.stringify(instance)),
    },
  }))
  for (let at = 0; at < puts.length; at += 100) {
    await api('/v3/kv/txn', { success: puts.slice(at, at + 100) })
  }
}

async function list(service: string): Promise<Instance[]> {
  const output = await ctl('get', '--prefix', `/services/${service}/`, '--print-value-only')
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Instance)
}

async function set(service: string, instances: readonly Instance[]): Promise<void> {
  const keep = new Set(instances.map(({ id }) => id))
  const gone = (await list(service)).filter(({ id }) => !keep.has(id))
  const deletes = gone.map(({ id }) => ({
    requestDeleteRange: { key: base64(`/services/${service}/${id}`) },
  }))
  for (let at = 0; at < deletes.length; at += 100) {
    await api('/v3/kv/txn', { success: deletes.slice(at, at + 100) })
  }
  await put(service, instances)
}

const controls = {
  kill: () => server.kill(),
  restart: ({ data }: { data: boolean }) => server.restart({ keepData: data }),
  freeze: async () => server.freeze(),
  thaw: async () => server.thaw(),
}

const quick = { timeout: 500, probeInterval: 300 }

describe('every source', () => {
  sourceSuite(it, {
    source: () => etcd({ endpoints: server.url, ...quick }),
    sourceAt: (url) => etcd({ endpoints: url, ...quick }),
    set,
    server: controls,
  })
})

describe('every source, on one watch for all services', () => {
  sourceSuite(it, {
    source: () => etcd({ endpoints: server.url, ...quick, shared: true }),
    sourceAt: (url) => etcd({ endpoints: url, ...quick, shared: true }),
    set,
    server: controls,
    many: 100,
  })
})

describe('every registrar', () => {
  registrarSuite(it, {
    registrar: () => etcd({ endpoints: server.url, ttl: 2000, ...quick }),
    registrarAt: (url) => etcd({ endpoints: url, ...quick }),
    list,
    forget: async (service, id) => void (await ctl('del', `/services/${service}/${id}`)),
    server: controls,
  })
})

describe('with etcdctl', () => {
  it("reads the layout of etcd's own Go package", async () => {
    const service = freshService()
    await ctl('put', `/services/${service}/a`, '{"Op":0,"Addr":"10.0.0.1:80","Metadata":{"zone":"a"}}')
    await ctl('put', `/services/${service}/b`, '{"Op":0,"Addr":"10.0.0.2:80","Metadata":null}')
    expect(await reader(etcd({ endpoints: server.url }).watch(service, stop)).next()).toEqual([
      { id: 'a', url: 'http://10.0.0.1:80', metadata: { zone: 'a' } },
      { id: 'b', url: 'http://10.0.0.2:80' },
    ])
  })

  it('reads what others write: JSON, a url, host and port', async () => {
    const service = freshService()
    const read = reader(etcd({ endpoints: server.url }).watch(service, stop))
    expect(await read.next()).toEqual([])
    const seen: Promise<readonly Instance[]>[] = []
    for (const [id, value] of [
      ['a', '{"url":"http://10.0.0.1:80","weight":3}'],
      ['b', 'https://10.0.0.2'],
      ['c/d', '10.0.0.3:8080\n'],
    ] as const) {
      seen.push(read.next())
      await ctl('put', `/services/${service}/${id}`, value)
    }
    expect(await seen.at(-1)).toEqual([
      { id: 'a', url: 'http://10.0.0.1:80', weight: 3 },
      { id: 'b', url: 'https://10.0.0.2' },
      { id: 'c/d', url: 'http://10.0.0.3:8080' },
    ])
    const gone = read.next()
    await ctl('del', '--prefix', `/services/${service}/b`)
    expect((await gone).map(({ id }) => id)).toEqual(['a', 'c/d'])
  })

  it('writes what others can read, under a lease', async () => {
    const service = freshService()
    const registry = etcd({ endpoints: server.url, ttl: 4100, prefix: '/custom/' })
    const lease = await registry.register(service, { url: 'http://10.0.0.1:80', zone: 'a' }, unused)
    expect(lease.ttl).toBe(5000)
    const output = await ctl('get', `/custom/${service}/10.0.0.1:80`, '-w', 'json')
    const [kv] = (JSON.parse(output) as { kvs: { value: string; lease: number }[] }).kvs
    const value = Buffer.from(kv?.value ?? '', 'base64').toString()
    expect(JSON.parse(value)).toEqual({ id: '10.0.0.1:80', url: 'http://10.0.0.1', zone: 'a' })
    expect(kv?.lease).toBeGreaterThan(0)
    await lease.release(unused)
    expect(await ctl('get', '--prefix', `/custom/${service}/`)).toBe('')
  })

  it('keeps services apart whose names begin alike', async () => {
    const service = freshService()
    await ctl('put', `/services/${service}-admin/a`, '10.0.0.1:80')
    await ctl('put', `/services/${service}/b`, '10.0.0.2:80')
    const read = reader(etcd({ endpoints: server.url }).watch(service, stop))
    expect(await read.next()).toEqual([{ id: 'b', url: 'http://10.0.0.2:80' }])
  })

  it('reads any layout through decode, and leaves out what decode does not want', async () => {
    const service = freshService()
    const decode = (key: string, value: string): { url: string } | undefined =>
      key.endsWith('/config') ? undefined : { url: `http://${value.split(',')[0]}` }
    await ctl('put', `/services/${service}/a`, '10.0.0.1:80,ok')
    await ctl('put', `/services/${service}/config`, '{}')
    const read = reader(etcd({ endpoints: server.url, decode }).watch(service, stop))
    expect(await read.next()).toEqual([{ id: 'a', url: 'http://10.0.0.1:80' }])
  })

  it('reports a poisoned key and goes on with the others', async () => {
    const service = freshService()
    await ctl('put', `/services/${service}/a`, '{"url":"http://10.0.0.1:80"}')
    await ctl('put', `/services/${service}/b`, '{"url":')
    const reasons: string[] = []
    const discovery = new Discovery({
      source: etcd({ endpoints: server.url }),
      service,
      onInstances: () => {},
      onInvalid: (rejected) => reasons.push(...rejected.map(({ reason }) => reason)),
    })
    discovery.start()
    await discovery.ready
    await discovery.close()
    expect(discovery.instances.map(({ id }) => id)).toEqual(['a'])
    expect(reasons).toEqual([`/services/${service}/b cannot be decoded: SyntaxError: it is not valid JSON`])
  })
})

describe('the watch', () => {
  it('shows a transaction as one snapshot', async () => {
    const service = freshService()
    const read = reader(etcd({ endpoints: server.url }).watch(service, stop))
    await read.next()
    const next = read.next()
    await put(service, [
      { id: 'a', url: 'http://10.0.0.1:80' },
      { id: 'b', url: 'http://10.0.0.2:80' },
    ])
    expect((await next).map(({ id }) => id)).toEqual(['a', 'b'])
  })

  it('loses nothing that happens between the first read and the watch', async () => {
    const service = freshService()
    const read = reader(etcd({ endpoints: server.url }).watch(service, stop))
    await read.next()
    await ctl('put', `/services/${service}/a`, '10.0.0.1:80')
    expect((await read.next()).map(({ id }) => id)).toEqual(['a'])
  })

  it('ends as planned, to be started afresh, when its revision has been compacted', async () => {
    const service = freshService()
    const read = reader(etcd({ endpoints: server.url }).watch(service, stop))
    await read.next()
    await ctl('put', `/services/${service}/a`, '10.0.0.1:80')
    const { header } = (await api('/v3/kv/put', { key: 'eA==', value: 'eA==' })) as {
      header: { revision: string }
    }
    await ctl('compaction', header.revision)
    expect(await read.end()).toBeUndefined()
  })

  it('is rotated by the clock, as planned', async () => {
    const clock = new ManualClock()
    const read = reader(
      etcd({ endpoints: server.url, clock, probeInterval: Infinity }).watch(freshService(), stop),
    )
    await read.next()
    const end = read.end()
    await until(() => clock.timers === 2)
    await clock.advance(240_000 * 0.9 - 1)
    expect(clock.timers).toBe(2)
    await clock.advance(240_000 * 0.2 + 1)
    expect(await end).toBeUndefined()
    expect(clock.timers).toBe(0)
  })

  it('fails when the server is killed', async () => {
    const own = await startEtcd()
    try {
      const read = reader(etcd({ endpoints: own.url }).watch('x', stop))
      await read.next()
      const end = read.end()
      await own.kill()
      expect(await end).toBeInstanceOf(Error)
    } finally {
      await own.close()
    }
  })

  it('fails when the server freezes, even with its connections open', async () => {
    const own = await startEtcd()
    try {
      const read = reader(etcd({ endpoints: own.url, probeInterval: 50, timeout: 200 }).watch('x', stop))
      await read.next()
      const next = read.next()
      await api('/v3/kv/put', { key: base64('/services/x/a'), value: base64('10.0.0.1:80') }, own)
      await next
      own.freeze()
      expect(String(await read.end())).toMatch(/kv\/range: no answer within 200 ms/)
    } finally {
      await own.close()
    }
  })
})

describe('several endpoints', () => {
  it('turns to the next when one is dead, frozen or without a leader, and stays there', async () => {
    await using frozen = await silence()
    await using leaderless = await serve((_, response) => {
      response.writeHead(503).end('{"code":14,"message":"etcdserver: no leader"}')
    })
    const service = freshService()
    await ctl('put', `/services/${service}/a`, '10.0.0.1:80')
    const endpoints = ['http://127.0.0.1:1', frozen.url, leaderless.url, server.url]
    const registry = etcd({ endpoints, timeout: 300 })
    for (const _ of [1, 2]) {
      const read = reader(registry.watch(service, stop))
      expect(await read.next()).toHaveLength(1)
    }
    expect(leaderless.requests).toHaveLength(1)
  })

  it('turns away from a frozen endpoint also when the caller is the less patient', async () => {
    await using frozen = await silence()
    const registry = etcd({ endpoints: [frozen.url, server.url], timeout: 600_000 })
    const service = freshService()
    const impatient = { signal: AbortSignal.timeout(50) }
    await expect(registry.register(service, { url: 'http://10.0.0.1:80' }, impatient)).rejects.toThrow(
      /timeout/,
    )
    await registry.register(service, { url: 'http://10.0.0.1:80' }, unused)
    expect(await list(service)).toHaveLength(1)
  })

  it('does not ask others what one has refused', async () => {
    await using refusing = await serve((_, response) => {
      response.writeHead(403).end('{"code":7,"message":"etcdserver: permission denied"}')
    })
    const read = reader(etcd({ endpoints: [refusing.url, server.url] }).watch('x', stop))
    expect(String(await read.end())).toContain('permission denied')
  })

  it('turns away from one where reads work and watches do not', async () => {
    await using broken = await serve((request, response) => {
      response.end(request.url === '/v3/watch' ? '' : '{"header":{"revision":"1"}}')
    })
    const service = freshService()
    await ctl('put', `/services/${service}/a`, '10.0.0.1:80')
    const registry = etcd({ endpoints: [broken.url, server.url] })
    const read = reader(registry.watch(service, stop))
    expect(await read.next()).toEqual([])
    expect(await read.end()).toBeInstanceOf(Error)
    expect(await reader(registry.watch(service, stop)).next()).toHaveLength(1)
  })
})

describe('a lease', () => {
  it('is renewed as long as etcd knows it, and released twice without a fuss', async () => {
    const service = freshService()
    const lease = await etcd({ endpoints: server.url }).register(
      service,
      { url: 'http://10.0.0.1:80' },
      unused,
    )
    expect(await lease.renew(unused)).toBe(true)
    await lease.release(unused)
    expect(await lease.renew(unused)).toBe(false)
    await lease.release(unused)
  })

  it('is not renewed when its key was deleted by hand', async () => {
    const service = freshService()
    const lease = await etcd({ endpoints: server.url }).register(
      service,
      { url: 'http://10.0.0.1:80' },
      unused,
    )
    await ctl('del', `/services/${service}/10.0.0.1:80`)
    expect(await lease.renew(unused)).toBe(false)
  })

  it('takes the instance along when no heartbeat comes', async () => {
    const service = freshService()
    const registry = etcd({ endpoints: server.url, ttl: 1000 })
    const read = reader(registry.watch(service, stop))
    await read.next()
    const added = read.next()
    await registry.register(service, { url: 'http://10.0.0.1:80' }, unused)
    expect(await added).toHaveLength(1)
    expect(await read.next()).toEqual([])
  })

  it('of an earlier registration does not take a later one of the same id along', async () => {
    const service = freshService()
    const registry = etcd({ endpoints: server.url })
    const first = await registry.register(service, { url: 'http://10.0.0.1:80' }, unused)
    const second = await registry.register(service, { url: 'http://10.0.0.1:80' }, unused)
    await first.release(unused)
    expect(await list(service)).toHaveLength(1)
    expect(await first.renew(unused)).toBe(false)
    expect(await second.renew(unused)).toBe(true)
  })
})

describe('with authentication', () => {
  const password = 'correct horse battery'
  let own: TestServer
  const app = { user: 'app', password: 'app-secret' }
  /** A new password, though it be the old one, ends the tokens of the user. */
  const forgetTokens = (): Promise<string> =>
    runTool('etcdctl', ['user', 'passwd', 'app', '--interactive=false'], {
      env: { ...own.env, ETCDCTL_USER: `root:${password}` },
      input: `${app.password}\n`,
    })

  beforeAll(async () => {
    own = await startEtcd()
    await tool('etcdctl', ['user', 'add', `root:${password}`], own)
    // Made by the server itself from 3.5 on.
    await tool('etcdctl', ['role', 'add', 'root'], own).catch(() => {})
    await tool('etcdctl', ['user', 'grant-role', 'root', 'root'], own)
    await tool('etcdctl', ['role', 'add', 'app'], own)
    await runTool(
      'etcdctl',
      ['role', 'grant-permission', 'app', '--prefix=true', 'readwrite', '/services/'],
      own,
    )
    await tool('etcdctl', ['user', 'add', `${app.user}:${app.password}`], own)
    await tool('etcdctl', ['user', 'grant-role', 'app', 'app'], own)
  })
  afterAll(() => own.close())

  it('works before authentication is enabled, and goes on when it is', async () => {
    const registry = etcd({ endpoints: own.url, ...app })
    const lease = await registry.register('early', { url: 'http://10.0.0.1:80' }, unused)
    await tool('etcdctl', ['auth', 'enable'], own)
    expect(await lease.renew(unused)).toBe(true)
    expect(await reader(registry.watch('early', stop)).next()).toHaveLength(1)
  })

  it('discovers and registers with the role of the documentation', async () => {
    const registry = etcd({ endpoints: own.url, ...app })
    const read = reader(registry.watch('x', stop))
    expect(await read.next()).toEqual([])
    const added = read.next()
    const lease = await registry.register('x', { url: 'http://10.0.0.1:80' }, unused)
    expect(await added).toHaveLength(1)
    expect(await lease.renew(unused)).toBe(true)
    await lease.release(unused)
    expect(await read.next()).toEqual([])
  })

  it('signs in again when the cluster has forgotten its token', async () => {
    const registry = etcd({ endpoints: own.url, ...app })
    const lease = await registry.register('forgotten', { url: 'http://10.0.0.1:80' }, unused)
    const read = reader(registry.watch('forgotten', stop))
    expect(await read.next()).toHaveLength(1)
    await forgetTokens()
    // The watch starts only now, with the old token: refused under status 200.
    expect(String(await read.end())).toMatch(/cancelled: .*invalid auth token/)
    expect(await reader(registry.watch('forgotten', stop)).next()).toHaveLength(1)
    await forgetTokens()
    expect(await lease.renew(unused)).toBe(true)
    await forgetTokens()
    expect(await reader(registry.watch('forgotten', stop)).next()).toHaveLength(1)
  })

  it.each([
    ['a wrong password', { user: 'app', password: 'not the secret' }, /authentication failed/],
    ['no password', {}, /user name is empty/],
    ['a prefix that is not allowed', { ...app, prefix: '/private/' }, /permission denied/],
  ])('fails with %s, and says why without saying the secret', async (_, options, reason) => {
    const registry = etcd({ endpoints: own.url, ...options })
    const errors = [
      await reader(registry.watch('x', stop)).end(),
      await Promise.resolve(registry.register('x', { url: 'http://10.0.0.1:80' }, unused)).catch(
        (error: unknown) => error,
      ),
    ]
    for (const error of errors) {
      expect(String(error)).toMatch(reason)
      expect(shown(error)).not.toMatch(/secret/)
    }
  })

  it('signs in again once only', async () => {
    const refused: string[] = []
    await using refusing = await serve((request, response) => {
      if (request.url === '/v3/auth/authenticate') response.end('{"token":"token-secret.7"}')
      else {
        refused.push(String(request.headers.authorization))
        response.writeHead(401).end('{"code":16,"message":"etcdserver: invalid auth token token-secret.7"}')
      }
    })
    const error = await reader(etcd({ endpoints: refusing.url, ...app }).watch('x', stop)).end()
    expect(refused).toEqual(['token-secret.7', 'token-secret.7'])
    expect(String(error)).toContain('401')
    expect(shown(error)).not.toContain('secret')
  })
})

describe('over TLS', () => {
  let files: Certificates
  const started: TestServer[] = []
  const start = async (...args: string[]): Promise<string> => {
    const own = await startEtcd({
      scheme: 'https',
      args: ['--cert-file', files.path('server.crt'), '--key-file', files.path('server.key'), ...args],
    })
    started.push(own)
    return own.url
  }

  beforeAll(async () => {
    files = await certificates()
  })
  afterAll(async () => {
    await Promise.all(started.map((own) => own.close()))
    await files.close()
  })

  it('checks the server against the given CA', async () => {
    const endpoints = await start()
    const trusting = etcd({ endpoints, tls: { ca: files.ca } })
    const lease = await trusting.register('x', { url: 'http://10.0.0.1:80' }, unused)
    expect(await reader(trusting.watch('x', stop)).next()).toHaveLength(1)
    expect(await lease.renew(unused)).toBe(true)
    const error = await reader(etcd({ endpoints }).watch('x', stop)).end()
    expect(String(error)).toMatch(/certificate/)
  })

  it('shows its own certificate where the server wants one', async () => {
    const endpoints = await start('--client-cert-auth', '--trusted-ca-file', files.path('ca.crt'))
    const known = etcd({ endpoints, tls: { ca: files.ca, cert: files.clientCert, key: files.clientKey } })
    expect(await reader(known.watch('x', stop)).next()).toEqual([])
    const error = await reader(etcd({ endpoints, tls: { ca: files.ca } }).watch('x', stop)).end()
    expect(error).toBeInstanceOf(Error)
  })

  it('leaves no connection behind when it is aborted within the handshake', async () => {
    await using mute = await silence()
    const read = reader(etcd({ endpoints: mute.url.replace('http', 'https') }).watch('x', stop))
    const end = read.end()
    await until(() => mute.connections === 1)
    stop.abort()
    expect(await end).toBeUndefined()
    await until(() => mute.connections === 0)
  })
})

describe('leaves nothing behind', () => {
  it.each([
    ['before the first answer', 0],
    ['after the first snapshot', 1],
    ['while it watches', 2],
  ])('aborted %s', async (_, steps) => {
    await using proxy = await countingProxy(server.port)
    const clock = new ManualClock()
    const read = reader(etcd({ endpoints: proxy.url, clock }).watch(freshService(), stop))
    const first = read.next()
    if (steps === 0) stop.abort()
    await first.catch(() => {})
    const end = steps === 2 ? read.end() : undefined
    if (steps === 2) await until(() => clock.timers === 2)
    stop.abort()
    expect(await (end ?? read.end())).toBeUndefined()
    expect(clock.timers).toBe(0)
    await until(() => proxy.connections === 0)
  })

  it('after a heartbeat and a release', async () => {
    await using proxy = await countingProxy(server.port)
    const lease = await etcd({ endpoints: proxy.url }).register(
      freshService(),
      { url: 'http://10.0.0.1' },
      unused,
    )
    await lease.renew(unused)
    await lease.release(unused)
    expect(proxy.seen).toBeGreaterThan(2)
    await until(() => proxy.connections === 0)
  })

  it('and keeps no process alive', async () => {
    const module = fileURLToPath(new URL('../../src/registry/etcd.ts', import.meta.url))
    const script = `
      const { etcd } = await import(${JSON.stringify(module)})
      const watch = etcd({ endpoints: '${server.url}' }).watch('x', { signal: new AbortController().signal })
      console.log((await watch.next()).value.length)
      watch.next()`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 5000 })
    expect(stdout).toBe('0\n')
  })
})

describe('what a server may answer', () => {
  const range = '{"header":{"revision":"9007199254740993"}}'
  const created = '{"result":{"created":true}}\n'
  const event = JSON.stringify({
    result: { events: [{ kv: { key: base64('/services/x/ä'), value: base64('10.0.0.1:80') } }] },
  })

  it('in pieces: half a line, two lines, half a letter', async () => {
    const line = Buffer.from(`${event}\n`)
    let asked = ''
    await using fake = await serve((request, response) => {
      if (request.url !== '/v3/watch') {
        response.end(range)
        return
      }
      void bodyOf(request).then(async (body) => {
        asked = body
        for (const piece of [
          created + '\n',
          line.subarray(0, 40),
          Buffer.concat([line.subarray(40), line]),
        ]) {
          response.write(piece)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      })
    })
    const read = reader(etcd({ endpoints: fake.url }).watch('x', stop))
    await read.next()
    expect(await read.next()).toEqual([{ id: 'ä', url: 'http://10.0.0.1:80' }])
    // Beyond 2^53: no number ever touched it.
    expect(asked).toContain('"start_revision":"9007199254740994"')
  })

  it.each([
    ['the end of the watch', created, /ended the watch/],
    [
      'an error',
      `${created}{"error":{"grpc_code":14,"message":"etcdserver: server stopped"}}\n`,
      /server stopped/,
    ],
    ['a cancellation without a reason', '{"result":{"canceled":true}}\n', /cancelled: without a reason/],
    ['no JSON', 'hello\n', /JSON/],
    ['null', 'null\n', /not a watch response/],
    ['events that are no list', '{"result":{"events":7}}\n', /not a list/],
  ])('%s fails the watch', async (_, answer, reason) => {
    await using fake = await serve((request, response) =>
      response.end(request.url === '/v3/watch' ? answer : range),
    )
    const clock = new ManualClock()
    const read = reader(etcd({ endpoints: fake.url, clock }).watch('x', stop))
    await read.next()
    expect(String(await read.end())).toMatch(reason)
    expect(clock.timers).toBe(0)
  })

  it('a line may be cut anywhere, letters too', async () => {
    const bytes = Buffer.from('{"a":"ä€😀"}\r\n\n{"b":2}\n{"c":')
    for (let cut = 0; cut <= bytes.length; cut++) {
      const documents: unknown[] = []
      const chunks = [bytes.subarray(0, cut), bytes.subarray(cut)]
      for await (const some of jsonLines(Readable.from(chunks), MAX_ANSWER)) documents.push(...some)
      expect(documents).toEqual([{ a: 'ä€😀' }, { b: 2 }])
    }
  })

  it.each([
    '',
    'null',
    '[]',
    '<html>',
    '{}',
    '{"header":{"revision":"1"},"kvs":{}}',
    '{"header":{"revision":"x"}}',
  ])('%j fails the first read', async (answer) => {
    await using fake = await serve((_, response) => response.end(answer))
    const end = await reader(etcd({ endpoints: fake.url }).watch('x', stop)).end()
    expect(end).toBeInstanceOf(Error)
  })
})

describe('in an outage', () => {
  it('keeps the last known good instances, and recovers with the data', async () => {
    const own = await startEtcd()
    const service = 'orders'
    const stale: unknown[] = []
    let recovered = 0
    const discovery = new Discovery({
      source: etcd({ endpoints: own.url }),
      service,
      onInstances: () => {},
      onStale: (error) => stale.push(error),
      onRecovered: () => recovered++,
    })
    try {
      await api('/v3/kv/put', { key: base64('/services/orders/a'), value: base64('10.0.0.1:80') }, own)
      discovery.start()
      await discovery.ready
      await own.kill()
      await until(() => stale.length === 1)
      expect(discovery.instances).toHaveLength(1)
      await own.restart({ keepData: true })
      await until(() => recovered === 1)
      expect(discovery.instances).toHaveLength(1)
    } finally {
      await discovery.close()
      await own.close()
    }
  })

  it('registers again by itself when etcd came back without its data', async () => {
    const own = await startEtcd()
    const registry = etcd({ endpoints: own.url, ttl: 1000 })
    let registered = 0
    const announced = await announce(
      registry,
      'orders',
      { url: 'http://10.0.0.1:80' },
      {
        onRegistered: () => registered++,
        onError: () => {},
      },
    )
    const lengths: number[] = []
    const discovery = new Discovery({
      source: registry,
      service: 'orders',
      onInstances: (all) => lengths.push(all.length),
    })
    try {
      discovery.start()
      await discovery.ready
      await own.restart({ keepData: false })
      await until(() => registered === 2)
      await until(() => discovery.error === undefined)
      expect(lengths).not.toContain(0)
    } finally {
      await announced.close()
      await discovery.close()
      await own.close()
    }
  })
})

describe('options', () => {
  it.each([
    [{}, /endpoints must be a url or a list of urls, got undefined/],
    [{ endpoints: [] }, /endpoints must be a url/],
    [{ endpoints: 'localhost:2379' }, /endpoints must be an http or https url.*got 'localhost:2379'/],
    [{ endpoints: ['http://a', 'ftp://b'] }, /endpoints\[1\] must be/],
    [{ endpoints: 'http://me:secret@a' }, /without credentials/],
    [{ endpoints: 'http://a', prefix: '/services' }, /prefix must be a string that ends with a slash/],
    [{ endpoints: 'http://a', user: 'me' }, /user and password must be set together/],
    [{ endpoints: 'http://a', user: 'me', password: 5 }, /password must be a string/],
    [{ endpoints: 'http://a', ttl: 10 }, /ttl must be a number >= 1000/],
    [{ endpoints: 'http://a', timeout: 0 }, /timeout must be a number > 0/],
    [{ endpoints: 'http://a', probeInterval: '1s' }, /probeInterval must be a number/],
    [{ endpoints: 'http://a', rotateAfter: -1 }, /rotateAfter must be a number/],
    [{ endpoints: 'http://a', tls: { CA: '' } }, /tls.CA is not an option/],
    [{ endpoints: 'http://a', decode: {} }, /decode must be a function/],
    [{ endpoints: 'http://a', retries: 3 }, /etcd.retries is not an option/],
  ])('%j are refused', (options, message) => {
    const make = (): unknown => etcd(options as unknown as Parameters<typeof etcd>[0])
    expect(make).toThrow(message)
    expect(make).not.toThrow(/secret/)
  })

  it.each(['', 'a/b'])('the service %j is refused', async (service) => {
    const registry = etcd({ endpoints: 'http://127.0.0.1:1' })
    expect(String(await reader(registry.watch(service, stop)).end())).toMatch(/service must be/)
    const register = Promise.resolve(registry.register(service, { url: 'http://a' }, unused))
    await expect(register).rejects.toThrow(/service must be/)
  })
})
