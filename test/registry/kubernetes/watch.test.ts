import type { IncomingMessage } from 'node:http'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { kubernetes } from '../../../src/registry/kubernetes.ts'
import { apiServer, hangs, line, list, named, says, skewed, snapshots, type Handler } from './api-server.ts'

describe('list and watch', () => {
  it('lists the slices of one service from the cache, then watches changes with bookmarks', async () => {
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

  it('applies changes when a chunk has a part of one or several of them', async () => {
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
    // In between, the endpoint is in no slice and is kept for a moment.
    const seen = await snapshots({ server }, 3)
    expect(seen.at(-1)).toEqual(['http://10.0.0.1:8080'])
  })

  it('continues from the last version, also that of a bookmark, without a new list when a watch ends', async () => {
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

  it('lists again after a watch without events, because the version may be newer than a restored backup', async () => {
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

  it('ends as planned when the server ends a watch at once, so that it does not spin', async () => {
    const { server, requests } = await apiServer(list('7'), says())
    await snapshots({ server })
    expect(requests).toEqual(['list 0', 'watch 7'])
  })

  const expired = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 7 (9)' }
  it.each<{ form: string; handler: Handler }>([
    { form: 'an event', handler: says(line('ERROR', expired)) },
    { form: 'a status', handler: (response) => response.writeHead(410).end(JSON.stringify(expired)) },
  ])('ends as planned when its version has expired, reported by $form', async ({ handler }) => {
    const { server } = await apiServer(list('7', named('a', '10.0.0.1', '1')), handler)
    expect(await snapshots({ server })).toEqual([['http://10.0.0.1:8080']])
  })

  it('applies the events that arrive in the same chunk as the 410', async () => {
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
      error: /not a list of endpoint slices/,
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

  it('detects a watch that does not end when it should', async () => {
    const { server } = await apiServer(list('7'), hangs)
    await expect(snapshots({ server, rotateAfter: 1_000, timeout: 50 })).rejects.toThrow(
      /did not end the watch/,
    )
  })

  it('waits for as long as Retry-After of a 429 requests', async () => {
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

  it('sends the token to the server, and shows it in no error', async () => {
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

  it('closes its connections when the consumer leaves the loop', async () => {
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
