import { describe, expect, it } from 'vitest'
import { createClient, createFetch, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { inOrder } from '../support/balance.ts'
import { collect, instanceOf, outcomes } from '../support/events.ts'
import {
  echo,
  hang,
  ok,
  redirect,
  refusedUrl,
  reply,
  startServer,
  truncate,
  type Answer,
} from '../support/http-server.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: inOrder,
  retry: { attempts: 3, backoff: 0 },
})

describe('a redirect', () => {
  it.each([
    ['to a relative path', '/there?x=1'],
    ['to the logical host', 'http://user-service/there?x=1'],
  ])('%s is a separate attempt with a separate pick', async (_name, location) => {
    await using server = await startServer(redirect(location), ok)
    await using client = createClient(options(server.url))
    const seen = outcomes(client)
    const response = await client('/here')
    expect(await response.text()).toBe('ok')
    expect(response.redirected).toBe(true)
    expect(response.url).toBe('http://user-service/there?x=1')
    expect(server.requests).toEqual(['GET /here', 'GET /there?x=1'])
    expect(server.headers.map(({ host }) => host)).toEqual(['user-service', 'user-service'])
    expect(seen).toEqual([`${server.host} success`, `${server.host} success`])
    expect(instanceOf(client, server.host).inFlight).toBe(0)
  })

  it('to the logical host is balanced like any request', async () => {
    await using here = await startServer(redirect('/there'))
    await using there = await startServer(ok)
    let turn = 0
    await using client = createClient({
      ...options(here.url, there.url),
      balance: (endpoints) => endpoints[turn++],
    })
    expect(await (await client('/here')).text()).toBe('ok')
    expect(there.requests).toEqual(['GET /there'])
  })

  it('to another host leaves the service, as with fetch', async () => {
    await using stranger = await startServer(reply(200, 'a stranger'))
    await using server = await startServer(redirect(`${stranger.url}/out`))
    await using client = createClient(options(server.url))
    const seen = outcomes(client)
    const response = await client('/here', { headers: { authorization: 'secret' } })
    expect(await response.text()).toBe('a stranger')
    expect(response.url).toBe(`${stranger.url}/out`)
    expect(stranger.headers[0]).toMatchObject({ host: stranger.host })
    expect(stranger.headers[0]).not.toHaveProperty('authorization')
    expect(seen).toEqual([`${server.host} success`])
  })

  it('to the instance’s own physical address is followed there', async () => {
    const elsewhere: { location?: string } = {}
    const toItself: Answer = (request, response) => redirect(elsewhere.location ?? '')(request, response)
    await using server = await startServer(toItself, ok)
    elsewhere.location = `${server.url}/physical`
    await using client = createClient(options(server.url))
    const response = await client('/here')
    expect(await response.text()).toBe('ok')
    expect(server.requests).toEqual(['GET /here', 'GET /physical'])
    expect(server.headers[1]).toMatchObject({ host: server.host })
  })

  it('to another service of the same createFetch goes to an instance of that service', async () => {
    await using orderServer = await startServer(reply(200, 'orders'))
    await using userServer = await startServer(redirect('http://order-service/orders'))
    await using orders = createClient({ service: 'order-service', source: fixed([orderServer.url]) })
    await using users = createClient(options(userServer.url))
    const seen = outcomes(orders)
    const appFetch = createFetch({ services: { 'user-service': users, 'order-service': orders } })
    const response = await appFetch('http://user-service/')
    expect(await response.text()).toBe('orders')
    expect(orderServer.headers[0]).toMatchObject({ host: 'order-service' })
    expect(seen).toEqual([`${orderServer.host} success`])
  })

  it('to an unknown host is rejected with otherwise: deny', async () => {
    await using stranger = await startServer(ok)
    await using server = await startServer(redirect(stranger.url))
    await using users = createClient(options(server.url))
    const appFetch = createFetch({ services: { 'user-service': users }, otherwise: 'deny' })
    await expect(appFetch('http://user-service/')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_DENIED' })
    expect(stranger.requests).toEqual([])
  })

  it('is returned unchanged with redirect: manual', async () => {
    await using server = await startServer(redirect('/there'))
    await using client = createClient(options(server.url))
    const response = await client('/here', { redirect: 'manual' })
    expect(response.status).toBe(302)
    expect(response.headers.get('location')).toBe('/there')
    await response.text()
    expect(server.requests).toHaveLength(1)
  })

  it('fails with redirect: error, and does not count against the instance', async () => {
    await using server = await startServer(redirect('/there'))
    await using client = createClient(options(server.url))
    await expect(client('/here', { redirect: 'error' })).rejects.toThrow(TypeError)
    expect(server.requests).toHaveLength(1)
    expect(instanceOf(client, server.host).settled.failure).toBe(0)
  })

  it('sends the body again with 307', async () => {
    await using server = await startServer(redirect('/there', 307), echo)
    await using client = createClient(options(server.url))
    const response = await client('/here', { method: 'POST', body: 'again' })
    expect(await response.text()).toBe('again')
    expect(server.requests).toEqual(['POST /here', 'POST /there'])
  })

  it('turns POST into GET with 303', async () => {
    await using server = await startServer(redirect('/there', 303), ok)
    await using client = createClient(options(server.url))
    expect(await (await client('/here', { method: 'POST', body: 'once' })).text()).toBe('ok')
    expect(server.requests).toEqual(['POST /here', 'GET /there'])
  })

  it('in a loop ends like the platform’s: with the same error, after the same limit', async () => {
    await using server = await startServer(redirect('/'))
    await using client = createClient({ ...options(server.url), retry: false })
    await expect(client('/')).rejects.toMatchObject({ cause: { message: 'redirect count exceeded' } })
    expect(server.requests).toHaveLength(21)
  })

  it('to a truncated response is a failure of the second attempt', async () => {
    await using server = await startServer(redirect('/there'), truncate)
    await using client = createClient(options(server.url))
    const response = await client('/here')
    await expect(response.text()).rejects.toThrow(Error)
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 1, failure: 1 })
  })

  it('for which no instance is available rejects with this library’s error, not with fetch’s', async () => {
    await using server = await startServer(redirect('/there'))
    let picks = 0
    await using client = createClient({
      ...options(server.url, await refusedUrl()),
      balance: (endpoints) => (picks++ === 0 ? endpoints[0] : undefined),
    })
    await expect(client('/here')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_NO_INSTANCE' })
  })

  it('to https:// is rejected if the instances speak only plain HTTP', async () => {
    await using server = await startServer(redirect('https://user-service/there'), ok)
    await using client = createClient(options(server.url))
    await expect(client('/here')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_DENIED' })
    expect(server.requests).toHaveLength(1)
    expect(instanceOf(client, server.host).inFlight).toBe(0)
  })

  it('to an instance that never answers ends at timeout.total, and is a failure of the second attempt', async () => {
    await using here = await startServer(redirect('/there'))
    await using silent = await startServer(hang)
    let turn = 0
    await using client = createClient({
      ...options(here.url, silent.url),
      balance: (endpoints) => endpoints[turn++],
      timeout: { attempt: 500 },
    })
    const events = collect(client, 'attempt')
    await expect(client('/here')).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(events).toMatchObject([{ outcome: 'success' }, { outcome: 'failure' }])
    expect(instanceOf(client, silent.host)).toMatchObject({ inFlight: 0, pending: 0 })
  })
})
