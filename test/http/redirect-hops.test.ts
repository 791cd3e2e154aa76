import { describe, expect, it } from 'vitest'
import { createClient, createFetch, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { inOrder } from '../support/balance.ts'
import { collect, instanceOf } from '../support/events.ts'
import {
  hang,
  ok,
  redirect,
  refusedUrl,
  reply,
  reset,
  startServer,
  type Answer,
} from '../support/http-server.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: inOrder,
  breaker: false,
  retry: { attempts: 2, backoff: 0 },
})

/** Responds by path. */
const routes =
  (answers: Record<string, Answer>): Answer =>
  (request, response) =>
    answers[request.url ?? '']?.(request, response)

const withBody =
  (body: Buffer | string): Answer =>
  (_request, response) =>
    response.writeHead(302, { location: '/there' }).end(body)

const unending: Answer = (_request, response) =>
  response.writeHead(302, { location: '/there' }).write('moved')

describe('a redirect whose body has not ended', () => {
  it.each<[string, Answer]>([
    ['is large', withBody(Buffer.alloc(1 << 20))],
    ['never ends', unending],
  ])('holds no load when it %s', async (_name, here) => {
    await using server = await startServer(routes({ '/here': here, '/there': ok }))
    await using client = createClient(options(server.url))
    for (let number = 0; number < 3; number++) expect(await (await client('/here')).text()).toBe('ok')
    await until(() => instanceOf(client, server.host).inFlight === 0)
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 6, failure: 0, ignored: 0 })
  })

  it.each<[string, string, RequestInit]>([
    ['may not be followed', '/there', { redirect: 'error' }],
    ['leads to no URL', 'http://[', {}],
    ['leads to another scheme', 'ftp://user-service/', {}],
    ['goes round in circles', '/here', {}],
  ])('holds no load when it %s', async (_name, location, init) => {
    const moved: Answer = (_request, response) =>
      response.writeHead(302, { location }).end(Buffer.alloc(1 << 18))
    await using server = await startServer(moved)
    await using client = createClient(options(server.url))
    await expect(client('/here', init)).rejects.toThrow('fetch failed')
    await until(() => instanceOf(client, server.host).inFlight === 0)
  })

  // fetch of some Node versions (26.12) closes the connection of a redirect itself.
  it('costs no more connections than with fetch if its rest is short', async () => {
    const late: Answer = (_request, response) => {
      response.writeHead(302, { location: '/there', 'content-length': '10' }).write('01234')
      setTimeout(() => response.end('56789'), 20)
    }
    await using server = await startServer(routes({ '/here': late, '/there': ok }))
    await using client = createClient({ ...options(server.url), transport: { connections: 1 } })
    for (let number = 0; number < 3; number++) expect(await (await client('/here')).text()).toBe('ok')
    await using plain = await startServer(routes({ '/here': late, '/there': ok }))
    for (let number = 0; number < 3; number++) await (await fetch(`${plain.url}/here`)).text()
    expect(server.connections).toBeLessThanOrEqual(plain.connections)
  })

  it('does not fail the next response when it breaks', async () => {
    const gate = Promise.withResolvers<void>()
    const breaking: Answer = async (request, response) => {
      unending(request, response)
      await gate.promise
      request.socket.destroy()
    }
    const slow: Answer = async (_request, response) => {
      response.write('still ')
      gate.resolve()
      setTimeout(() => response.end('here'), 30)
    }
    await using server = await startServer(routes({ '/here': breaking, '/there': slow }))
    await using client = createClient(options(server.url))
    expect(await (await client('/here')).text()).toBe('still here')
  })

  it('holds no load on another service either', async () => {
    const back: Answer = (_request, response) =>
      response.writeHead(302, { location: 'http://user-service/there' }).write('moved')
    await using server = await startServer(
      routes({ '/here': redirect('http://order-service/'), '/there': ok }),
    )
    await using orderServer = await startServer(back)
    await using users = createClient(options(server.url))
    await using orders = createClient({ ...options(orderServer.url), service: 'order-service' })
    const appFetch = createFetch({ services: { 'user-service': users, 'order-service': orders } })
    expect(await (await appFetch('http://user-service/here')).text()).toBe('ok')
    await until(() => instanceOf(orders, orderServer.host).inFlight === 0)
    expect(instanceOf(orders, orderServer.host).settled).toMatchObject({ success: 1, failure: 0 })
  })
})

describe('a redirect to a server that does not answer', () => {
  it.each<[string, ClientOptions['timeout']]>([
    ['timeout.total', 50],
    ['timeout.attempt', { attempt: 50 }],
  ])('ends when %s is over', async (_name, timeout) => {
    await using stranger = await startServer(hang)
    await using server = await startServer(redirect(stranger.url))
    await using client = createClient({ ...options(server.url), retry: false, timeout: timeout! })
    await expect(client('/')).rejects.toMatchObject({ name: 'TimeoutError' })
    await until(() => stranger.open === 0)
  })

  it('also ends on another service, and counts against its instance, which had all of the time', async () => {
    await using orderServer = await startServer(hang)
    await using server = await startServer(redirect('http://order-service/'))
    await using users = createClient({ ...options(server.url), retry: false, timeout: 50 })
    await using orders = createClient({ ...options(orderServer.url), service: 'order-service' })
    const appFetch = createFetch({ services: { 'user-service': users, 'order-service': orders } })
    await expect(appFetch('http://user-service/')).rejects.toMatchObject({ name: 'TimeoutError' })
    await until(() => instanceOf(orders, orderServer.host).inFlight === 0)
    expect(instanceOf(orders, orderServer.host).settled).toMatchObject({ failure: 1, ignored: 0 })
  })

  it('ends when another try was faster', async () => {
    await using stranger = await startServer(hang)
    await using slow = await startServer(redirect(stranger.url))
    await using fast = await startServer(ok)
    await using client = createClient({ ...options(slow.url, fast.url), hedge: { after: 20 } })
    expect(await (await client('/')).text()).toBe('ok')
    await until(() => stranger.open === 0)
  })
})

describe('a redirected call', () => {
  it('is judged by its last response: after a bad one it is retried on another instance', async () => {
    await using bad = await startServer(routes({ '/here': redirect('/there'), '/there': reply(503) }))
    await using good = await startServer(routes({ '/here': redirect('/there'), '/there': ok }))
    await using client = createClient(options(bad.url, good.url))
    const retries = collect(client, 'call:retry')
    expect(await (await client('/here')).text()).toBe('ok')
    expect(bad.requests).toEqual(['GET /here', 'GET /there'])
    expect(good.requests).toEqual(['GET /here', 'GET /there'])
    expect(retries).toMatchObject([{ status: 503 }])
    expect(instanceOf(client, bad.host).settled).toMatchObject({ success: 1, failure: 1 })
    expect(instanceOf(client, good.host).settled).toMatchObject({ success: 2, failure: 0 })
  })

  it.each<[string, Answer]>([
    ['breaks', reset],
    ['does not come in time', hang],
  ])('is retried if the last response %s', async (_name, there) => {
    await using bad = await startServer(routes({ '/here': redirect('/there'), '/there': there }))
    await using good = await startServer(ok)
    await using client = createClient({ ...options(bad.url, good.url), timeout: { attempt: 300 } })
    expect(await (await client('/here')).text()).toBe('ok')
    expect(instanceOf(client, bad.host)).toMatchObject({ inFlight: 0, settled: { success: 1, failure: 1 } })
  })

  it('does not win over its hedges with a bad last response', async () => {
    const late: Answer = (request, response) => setTimeout(() => reply(503)(request, response), 100)
    const later: Answer = (request, response) => setTimeout(() => ok(request, response), 200)
    await using bad = await startServer(routes({ '/here': redirect('/there'), '/there': late }))
    await using good = await startServer(later)
    await using client = createClient({ ...options(bad.url, good.url), retry: false, hedge: { after: 10 } })
    expect(await (await client('/here')).text()).toBe('ok')
  })

  it('counts as sent even if the redirect’s request was not, so a POST is not sent twice', async () => {
    await using first = await startServer(redirect('/there', 303))
    await using second = await startServer(redirect('/there', 303))
    const gone = await refusedUrl()
    await using client = createClient({
      ...options(first.url, second.url, gone),
      balance: (all, request) => (request.path === '/there' ? all.at(-1) : inOrder(all, request)),
    })
    await expect(client('/here', { method: 'POST', body: 'once' })).rejects.toThrow('fetch failed')
    expect([first.requests, second.requests]).toEqual([['POST /here'], []])
  })

  it('sends the number of the try and the remaining time to every server', async () => {
    await using server = await startServer(routes({ '/here': redirect('/there'), '/there': reply(503) }))
    await using client = createClient({
      ...options(server.url),
      deadline: { header: 'x-deadline' },
      attemptHeader: 'x-attempt',
    })
    await (await client('/here')).text()
    expect(server.headers.map((headers) => headers['x-attempt'])).toEqual(['1', '1', '2', '2'])
    const left = server.headers.map((headers) => Number(headers['x-deadline']))
    expect(left).toEqual(left.toSorted((a, b) => b - a))
    expect(left.at(-1)).toBeGreaterThan(0)
  })
})
