import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../../src/clock.ts'
import { kubernetes, type KubernetesOptions } from '../../src/registry/kubernetes.ts'
import { linger } from '../../src/registry/kubernetes/linger.ts'
import { joinSlices, type Endpoints, type EndpointSlice } from '../../src/registry/kubernetes/slices.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number]

const http = { name: 'http', port: 8080, protocol: 'TCP' }

function slice(endpoints: SliceEndpoint[], rest: Partial<EndpointSlice> = {}): EndpointSlice {
  return { metadata: { name: 'orders-a' }, addressType: 'IPv4', ports: [http], endpoints, ...rest }
}

const at = (address: string, rest: Partial<SliceEndpoint> = {}): SliceEndpoint => ({
  addresses: [address],
  ...rest,
})
const usable = (endpoints: Endpoints): Instance[] =>
  [...endpoints.values()].filter((instance) => instance !== undefined)
const join = (slices: EndpointSlice[], options: Partial<Parameters<typeof joinSlices>[1]> = {}): Instance[] =>
  usable(joinSlices(slices, { publishNotReady: false, ...options }))
const urls = (instances: readonly Instance[]): string[] => instances.map(({ url }) => url)

describe('conditions', () => {
  const none = undefined
  it.each([
    { conditions: none, is: 'ready' },
    { conditions: {}, is: 'ready' },
    { conditions: { ready: null, serving: null, terminating: null }, is: 'ready' },
    { conditions: { ready: true, serving: true, terminating: false }, is: 'ready' },
    { conditions: { ready: true, terminating: true }, is: 'ready' }, // publishNotReadyAddresses
    { conditions: { ready: false }, is: none, published: 'ready' },
    { conditions: { ready: false, serving: true, terminating: false }, is: none, published: 'ready' },
    { conditions: { ready: false, serving: true, terminating: true }, is: 'draining', published: 'draining' },
    { conditions: { ready: false, serving: false, terminating: true }, is: none, published: 'draining' },
    { conditions: { ready: false, terminating: true }, is: none, published: 'draining' },
  ])('$conditions is $is, and with publishNotReady $published', ({ conditions, is, published = is }) => {
    const slices = [slice([at('10.0.0.1', { ...(conditions && { conditions }) })])]
    const state = ([instance]: Instance[]): unknown => instance && (instance.draining ? 'draining' : 'ready')
    expect(state(join(slices))).toBe(is)
    expect(state(join(slices, { publishNotReady: true }))).toBe(published)
  })
})

describe('joining slices', () => {
  it('tells zone, pod and node', () => {
    const endpoint = at('10.0.0.1', {
      zone: 'a',
      nodeName: 'n1',
      targetRef: { kind: 'Pod', name: 'orders-1', uid: 'u1' },
    })
    expect(join([slice([endpoint])])).toEqual([
      {
        id: '10.0.0.1:8080',
        url: 'http://10.0.0.1:8080',
        zone: 'a',
        metadata: { pod: 'orders-1', node: 'n1' },
      },
    ])
  })

  it('counts an endpoint in two slices once, as the better of what they say', () => {
    const ready = at('10.0.0.1')
    const draining = at('10.0.0.1', { conditions: { ready: false, serving: true, terminating: true } })
    const down = at('10.0.0.1', { conditions: { ready: false } })
    for (const slices of [
      [slice([down]), slice([draining]), slice([ready])],
      [slice([ready]), slice([draining]), slice([down])],
    ]) {
      expect(join(slices)).toEqual([{ id: '10.0.0.1:8080', url: 'http://10.0.0.1:8080' }])
    }
  })

  it('keeps ports of one address apart', () => {
    const other = { ports: [{ ...http, port: 9090 }] }
    expect(urls(join([slice([at('10.0.0.1')]), slice([at('10.0.0.1')], other)]))).toEqual([
      'http://10.0.0.1:8080',
      'http://10.0.0.1:9090',
    ])
  })

  it('takes both families, a pod with both by IPv4, or by the one that is ready', () => {
    const pod = (uid: string): Partial<SliceEndpoint> => ({ targetRef: { kind: 'Pod', name: uid, uid } })
    const v6 = slice([at('fd00::1', pod('both')), at('fd00::2', pod('six')), at('fd00::3', pod('half'))], {
      addressType: 'IPv6',
    })
    const v4 = slice([
      at('10.0.0.1', pod('both')),
      at('10.0.0.3', { ...pod('half'), conditions: { ready: false } }),
    ])
    expect(urls(join([v6, v4])).toSorted()).toEqual([
      'http://10.0.0.1:8080',
      'http://[fd00::2]:8080',
      'http://[fd00::3]:8080',
    ])
  })

  it('ignores names in place of addresses, and slices as empty as the API may give them', () => {
    const empty = { metadata: { name: 'b' }, addressType: 'IPv4', endpoints: null, ports: null }
    expect(join([slice([at('db.example')], { addressType: 'FQDN' }), empty])).toEqual([])
  })
})

describe('ports', () => {
  const two = [http, { name: 'metrics', port: 9100, protocol: 'TCP', appProtocol: 'https' }]
  const dns = { name: 'dns', port: 53, protocol: 'UDP' }
  it.each([
    { option: undefined, ports: [http], gives: 'http://10.0.0.1:8080' },
    { option: undefined, ports: [http, dns], gives: 'http://10.0.0.1:8080' },
    { option: undefined, ports: [{ name: '', port: 80 }], gives: 'http://10.0.0.1:80' },
    { option: 'http', ports: two, gives: 'http://10.0.0.1:8080' },
    { option: 'metrics', ports: two, gives: 'https://10.0.0.1:9100' },
    { option: 9100, ports: two, gives: 'https://10.0.0.1:9100' },
    { option: 7000, ports: two, gives: 'http://10.0.0.1:7000' },
    { option: 7000, ports: null, gives: 'http://10.0.0.1:7000' },
  ])('port $option of $ports is $gives', ({ option, ports, gives }) => {
    expect(urls(join([slice([at('10.0.0.1')], { ports })], { port: option }))).toEqual([gives])
  })

  it('prefers the scheme it was given', () => {
    expect(
      urls(join([slice([at('10.0.0.1')], { ports: two })], { port: 'metrics', scheme: 'http' })),
    ).toEqual(['http://10.0.0.1:9100'])
  })

  it('asks which port is meant', () => {
    const message =
      "kubernetes: the option port must say which of the service's ports is meant; it has: http, metrics"
    expect(() => join([slice([at('10.0.0.1')], { ports: two })])).toThrow(message)
    expect(() => join([slice([at('10.0.0.1')], { ports: null })])).toThrow('it has: none')
  })

  it('says which ports there are when there is none of that name', () => {
    expect(() => join([slice([at('10.0.0.1')])], { port: 'grpc' })).toThrow(
      'no port "grpc"; the service has: http',
    )
    expect(join([slice([], { ports: null })], { port: 'grpc' })).toEqual([])
  })

  it('leaves out pods of a version without that port', () => {
    const old = slice([at('10.0.0.1')], { ports: [{ ...http, name: 'web' }] })
    expect(urls(join([old, slice([at('10.0.0.2')])], { port: 'http' }))).toEqual(['http://10.0.0.2:8080'])
  })
})

describe('topology hints', () => {
  const hinted = (address: string, zone: string, rest: Partial<SliceEndpoint> = {}): SliceEndpoint =>
    at(address, { hints: { forZones: [{ name: zone }] }, ...rest })
  const down = { conditions: { ready: false } }
  it.each([
    {
      name: 'are followed',
      zone: 'a',
      endpoints: [hinted('1.1.1.1', 'a'), hinted('2.2.2.2', 'b')],
      gives: ['1.1.1.1'],
    },
    {
      name: 'are ignored without an own zone',
      zone: undefined,
      endpoints: [hinted('1.1.1.1', 'a'), hinted('2.2.2.2', 'b')],
      gives: ['1.1.1.1', '2.2.2.2'],
    },
    {
      name: 'are ignored when one ready endpoint has none',
      zone: 'a',
      endpoints: [hinted('1.1.1.1', 'a'), at('2.2.2.2')],
      gives: ['1.1.1.1', '2.2.2.2'],
    },
    {
      name: 'are ignored when none is for our zone',
      zone: 'c',
      endpoints: [hinted('1.1.1.1', 'a'), hinted('2.2.2.2', 'b')],
      gives: ['1.1.1.1', '2.2.2.2'],
    },
    {
      name: 'are ignored when those for our zone are not ready',
      zone: 'a',
      endpoints: [hinted('1.1.1.1', 'a', down), hinted('2.2.2.2', 'b')],
      gives: ['2.2.2.2'],
    },
    {
      name: 'are followed though an endpoint that is not ready has none',
      zone: 'a',
      endpoints: [hinted('1.1.1.1', 'a'), hinted('2.2.2.2', 'b'), at('3.3.3.3', down)],
      gives: ['1.1.1.1'],
    },
  ])('$name', ({ zone, endpoints, gives }) => {
    // Spread over slices: the rule is about the service.
    const slices = endpoints.map((endpoint) => slice([endpoint]))
    expect(urls(join(slices, { zone }))).toEqual(gives.map((address) => `http://${address}:8080`))
  })
})

describe('an endpoint in no slice', () => {
  const [a, b] = ['a', 'b'].map((id): Instance => ({ id, url: `http://${id}:80` })) as [Instance, Instance]

  /** Feeds updates by hand and tells the latest that was let through. */
  function lingering(): {
    clock: ManualClock
    shown: () => string[]
    feed(endpoints: Record<string, Instance | undefined>): Promise<void>
    stop: AbortController
    done: Promise<void>
  } {
    const clock = new ManualClock()
    const stop = new AbortController()
    let latest: readonly Instance[] = []
    let wake = (): void => {}
    const queue: Endpoints[] = []
    async function* updates(signal: AbortSignal): AsyncGenerator<Endpoints, void> {
      signal.addEventListener('abort', () => wake())
      while (!signal.aborted) {
        const update = queue.shift()
        if (update) yield update
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    const run = async (): Promise<void> => {
      for await (const instances of linger(updates, clock, stop.signal)) latest = instances
    }
    return {
      clock,
      stop,
      shown: () => latest.map(({ id }) => id).toSorted(),
      feed: async (endpoints) => {
        queue.push(new Map(Object.entries(endpoints)))
        wake()
        await clock.advance(0)
      },
      done: run(),
    }
  }

  it('is kept while it moves from one slice to another', async () => {
    const { clock, shown, feed, stop, done } = lingering()
    await feed({ a, b })
    await feed({ a })
    await clock.advance(150)
    expect(shown()).toEqual(['a', 'b'])
    await feed({ a, b })
    await clock.advance(1000)
    expect(shown()).toEqual(['a', 'b'])
    stop.abort()
    await done
    expect(clock.timers).toBe(0)
  })

  it('is gone after a moment, however much else changes meanwhile', async () => {
    const { clock, shown, feed, stop, done } = lingering()
    await feed({ a, b })
    await feed({ a })
    await clock.advance(150)
    await feed({ a, c: { id: 'c', url: 'http://c:80' } })
    await clock.advance(49)
    expect(shown()).toEqual(['a', 'b', 'c'])
    await clock.advance(1)
    expect(shown()).toEqual(['a', 'c'])
    stop.abort()
    await done
  })

  it('goes at once when it is still listed, as unusable', async () => {
    const { shown, feed, stop, done } = lingering()
    await feed({ a, b })
    await feed({ a, b: undefined })
    expect(shown()).toEqual(['a'])
    stop.abort()
    await done
  })
})

describe('list and watch', () => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  type Handler = (response: ServerResponse, url: URL, request: IncomingMessage) => void

  /** An API server that plays its handlers, one a request, the last one for ever. */
  async function apiServer(...handlers: Handler[]): Promise<{ server: string; requests: string[] }> {
    const requests: string[] = []
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://api')
      const version = url.searchParams.get('resourceVersion')
      requests.push(`${url.searchParams.has('watch') ? 'watch' : 'list'} ${version}`)
      handlers[Math.min(requests.length, handlers.length) - 1]?.(response, url, request)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
  }

  const named = (name: string, address: string, version: string): EndpointSlice => ({
    ...slice([at(address)]),
    metadata: { name, resourceVersion: version },
  })
  const list =
    (version: string, ...items: EndpointSlice[]): Handler =>
    (response) =>
      response.end(JSON.stringify({ metadata: { resourceVersion: version }, items }))
  const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`
  const says =
    (...lines: string[]): Handler =>
    (response) =>
      response.end(lines.join(''))
  const hangs: Handler = (response) => response.flushHeaders()

  /** Time as it is, and whatever the test adds. */
  function skewed(): Clock & { skew: number } {
    return {
      ...systemClock,
      skew: 0,
      now() {
        return systemClock.now() + this.skew
      },
    }
  }

  /** The urls of each snapshot, until the watch ends or there are `count`. */
  async function snapshots(options: KubernetesOptions, count = Infinity): Promise<string[][]> {
    const stop = new AbortController()
    const seen: string[][] = []
    for await (const instances of kubernetes(options).watch('orders', stop)) {
      seen.push(urls(instances))
      if (seen.length >= count) break
    }
    stop.abort()
    return seen
  }

  it('asks for the slices of one service, from the cache, then for changes with bookmarks', async () => {
    const seen: URL[] = []
    const note =
      (handler: Handler): Handler =>
      (response, url, request) => {
        seen.push(url)
        handler(response, url, request)
      }
    const { server } = await apiServer(
      note(list('7')),
      note(says(line('ADDED', named('x', '10.0.0.1', '8')))),
    )
    await snapshots({ server, namespace: 'shop', rotateAfter: 10_000 })
    const [first, second] = seen
    expect(first?.pathname).toBe('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices')
    expect(Object.fromEntries(first?.searchParams ?? [])).toEqual({
      labelSelector: 'kubernetes.io/service-name=orders',
      resourceVersion: '0',
    })
    const { timeoutSeconds, ...rest } = Object.fromEntries(second?.searchParams ?? [])
    expect(rest).toEqual({
      labelSelector: 'kubernetes.io/service-name=orders',
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: '7',
    })
    expect(Number(timeoutSeconds)).toBeGreaterThanOrEqual(8)
    expect(Number(timeoutSeconds)).toBeLessThanOrEqual(10)
  })

  it('follows changes, of which a chunk may hold half of one or several', async () => {
    const added = line('ADDED', named('b', '10.0.0.2', '8'))
    const changed = line('MODIFIED', named('a', '10.0.0.3', '9'))
    const { server } = await apiServer(list('7', named('a', '10.0.0.1', '1')), (response) => {
      response.write(added.slice(0, 40))
      setTimeout(() => response.write(added.slice(40) + changed), 20)
    })
    const seen = await snapshots({ server }, 2)
    expect(seen.at(-1)?.toSorted()).toEqual([
      'http://10.0.0.1:8080',
      'http://10.0.0.2:8080',
      'http://10.0.0.3:8080',
    ])
  })

  it('drops a slice that is deleted', async () => {
    const b = named('b', '10.0.0.2', '2')
    const { server } = await apiServer(list('7', named('a', '10.0.0.1', '1'), b), (response) =>
      response.write(line('DELETED', b)),
    )
    // In between, the endpoint that is in no slice any more lingers.
    const seen = await snapshots({ server }, 3)
    expect(seen.at(-1)).toEqual(['http://10.0.0.1:8080'])
  })

  it('goes on from the last version when a watch ends, a bookmark counting, without a new list', async () => {
    const clock = skewed()
    const later =
      (handler: Handler): Handler =>
      (response, url, request) => {
        clock.skew += 50_000
        handler(response, url, request)
      }
    const bookmark = line('BOOKMARK', { metadata: { resourceVersion: '12' }, endpoints: null, ports: null })
    const { server, requests } = await apiServer(
      list('7', named('a', '10.0.0.1', '1')),
      later(says(line('MODIFIED', named('a', '10.0.0.1', '9')))),
      later(says(bookmark)),
      says(line('DELETED', named('a', '10.0.0.1', '13'))),
    )
    expect(await snapshots({ server, clock }), 'a bookmark is no change').toHaveLength(3)
    expect(requests).toEqual(['list 0', 'watch 7', 'watch 9', 'watch 12'])
  })

  it('lists again after a watch in which nothing was said: its version may be from before a restored backup', async () => {
    const clock = skewed()
    const { server, requests } = await apiServer(
      list('999999'),
      (response) => {
        clock.skew += 50_000
        response.end()
      },
      list('5', named('a', '10.0.0.1', '4')),
      hangs,
    )
    expect(await snapshots({ server, clock }, 2)).toEqual([[], ['http://10.0.0.1:8080']])
    expect(requests.slice(0, 3)).toEqual(['list 0', 'watch 999999', 'list 0'])
  })

  it('ends as planned, and so does not spin, when the server ends a watch at once', async () => {
    const { server, requests } = await apiServer(list('7'), says())
    await snapshots({ server })
    expect(requests).toEqual(['list 0', 'watch 7'])
  })

  const expired = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 7 (9)' }
  it.each<{ form: string; handler: Handler }>([
    { form: 'an event', handler: says(line('ERROR', expired)) },
    { form: 'a status', handler: (response) => response.writeHead(410).end(JSON.stringify(expired)) },
  ])('ends as planned when its version is gone, told by $form', async ({ handler }) => {
    const { server } = await apiServer(list('7', named('a', '10.0.0.1', '1')), handler)
    expect(await snapshots({ server })).toEqual([['http://10.0.0.1:8080']])
  })

  it('takes what came in one chunk with the 410', async () => {
    const both = line('ADDED', named('a', '10.0.0.1', '8')) + line('ERROR', expired)
    const { server } = await apiServer(list('7'), says(both))
    expect(await snapshots({ server })).toEqual([[], ['http://10.0.0.1:8080']])
  })

  const status = { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd is gone' }
  it.each<{ name: string; handlers: Handler[]; error: RegExp }>([
    {
      name: 'another error event',
      handlers: [list('7'), says(line('ERROR', status))],
      error: /500.*etcd is gone/,
    },
    { name: 'an event that is no JSON', handlers: [list('7'), says('<html>\n')], error: /JSON/ },
    {
      name: 'a connection lost',
      handlers: [list('7'), (response) => response.destroy()],
      error: /watch=1.*socket|other side closed|hang up/i,
    },
    {
      name: 'a list that is none',
      handlers: [says('{"kind":"Status"}')],
      error: /no list of endpoint slices/,
    },
    {
      name: 'a list refused',
      handlers: [(response) => response.writeHead(403).end()],
      error: /verbs \["list", "watch"\]/,
    },
    {
      name: 'a watch refused',
      handlers: [list('7'), (response) => response.writeHead(403).end()],
      error: /verbs \["list", "watch"\]/,
    },
  ])('fails on $name', async ({ handlers, error }) => {
    const { server } = await apiServer(...handlers)
    await expect(snapshots({ server, clock: skewed() })).rejects.toThrow(error)
  })

  it('notices a watch that does not end when it is due', async () => {
    const { server } = await apiServer(list('7'), hangs)
    await expect(snapshots({ server, rotateAfter: 1_000, timeout: 50 })).rejects.toThrow(
      /did not end the watch/,
    )
  })

  it('leaves a server alone for as long as its 429 asks', async () => {
    const { server, requests } = await apiServer(
      (response) => response.writeHead(429, { 'retry-after': '7' }).end(),
      hangs,
    )
    const clock = skewed()
    const pauses: number[] = []
    clock.sleep = (ms, signal, options) => {
      if (options?.ref === false) pauses.push(ms)
      return options?.ref === false
        ? Promise.reject(new Error('paused'))
        : systemClock.sleep(ms, signal, options)
    }
    const source = kubernetes({ server, clock })
    const next = (): Promise<unknown> =>
      source.watch('orders', new AbortController())[Symbol.asyncIterator]().next()
    await expect(next()).rejects.toThrow('429')
    await expect(next()).rejects.toThrow('paused')
    expect(pauses).toHaveLength(1)
    expect(pauses[0]).toBeGreaterThan(6_000)
    expect(pauses[0]).toBeLessThanOrEqual(7_000)
    expect(requests).toHaveLength(1)
  })

  it('shows the token to the server and to nobody else', async () => {
    const headers: unknown[] = []
    const echo: Handler = (response, _, request) => {
      headers.push(request.headers.authorization)
      response.writeHead(401).end(`who is ${request.headers.authorization}?`)
    }
    const { server } = await apiServer(echo)
    const error: unknown = await snapshots({ server, token: 'secret-1' }).catch((error: unknown) => error)
    expect(headers).toEqual(['Bearer secret-1'])
    expect(String(error)).toMatch(/does not accept the token/)
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('secret-1')
  })

  it('closes its connections when the consumer just stops', async () => {
    let watch: IncomingMessage | undefined
    const { server } = await apiServer(list('7'), (response, _, request) => {
      watch = request
      response.write(line('ADDED', named('a', '10.0.0.1', '8')))
    })
    await snapshots({ server }, 2)
    await expect.poll(() => watch?.socket.destroyed).toBe(true)
  })

  it('closes its connections when it fails', async () => {
    let refused: IncomingMessage | undefined
    const { server } = await apiServer((response, _, request) => {
      refused = request
      response.writeHead(500).end()
    })
    await expect(snapshots({ server })).rejects.toThrow('500')
    await expect.poll(() => refused?.socket.destroyed).toBe(true)
  })
})

describe('options', () => {
  const server = 'http://127.0.0.1:1'
  it.each<[string, object]>([
    ['kubernetes.ports is not an option', { server, ports: 1 }],
    ['port must be an integer >= 1', { server, port: 0 }],
    ['port must be a string that is not empty', { server, port: '' }],
    ["scheme must be 'http' or 'https', got 'ftp'", { server, scheme: 'ftp' }],
    ["namespace must be a Kubernetes name, got '../x'", { server, namespace: '../x' }],
    ['zone must be a string', { server, zone: 1 }],
    ['publishNotReady must be true or false', { server, publishNotReady: 1 }],
    ['server must be an http or https url', { server: 'http://user:pass@api' }],
    ['token must be a string that is not empty', { server, token: '' }],
    ['token and tokenFile exclude each other', { server, token: 'a', tokenFile: 'b' }],
    ['rotateAfter must be a number >= 1000', { server, rotateAfter: 10 }],
    ['timeout must be a number > 0', { server, timeout: 0 }],
    ['server must be given outside of a pod', {}],
  ])('are refused: %s', (message, options) => {
    expect(() => kubernetes(options)).toThrow(message)
  })

  it('refuses a service that would be more than a name in a selector', async () => {
    const { signal } = new AbortController()
    const next = kubernetes({ server }).watch('a,b', { signal })[Symbol.asyncIterator]().next()
    await expect(next).rejects.toThrow("service must be a Kubernetes name, got 'a,b'")
  })

  it('says which token file it cannot read', async () => {
    const { signal } = new AbortController()
    const source = kubernetes({ server, tokenFile: '/nowhere/token' })
    await expect(source.watch('a', { signal })[Symbol.asyncIterator]().next()).rejects.toThrow(
      '/nowhere/token',
    )
  })
})
