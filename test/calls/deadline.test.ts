import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, fixed, withDeadline, type Client, type ClientOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { echo, hang, ok, reply, startServer, stall } from '../support/http-server.ts'

const clients: Client[] = []
function client(urls: string[], options: Partial<ClientOptions> = {}): Client {
  const made = createClient({ service: 'svc', source: fixed(urls), retry: false, ...options })
  clients.push(made)
  return made
}
afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.close()))
})

const timeout = expect.objectContaining({ name: 'TimeoutError' })

/** A TLS address whose server accepts and never says a word: the connection never comes about. */
async function silentPort(): Promise<{ url: string; close: () => void }> {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

describe('a try that gets no connection', () => {
  it('ends in a TimeoutError after timeout.connect, through fetch and through request', async () => {
    const silent = await silentPort()
    const users = client([silent.url], { timeout: { connect: 50 } })
    await expect(users('/x')).rejects.toEqual(timeout)
    await expect(users.request('/x')).rejects.toEqual(timeout)
    expect(users.snapshot().instances[0]?.settled.failure).toBe(2)
    expect(users.snapshot().instances[0]?.inFlight).toBe(0)
    silent.close()
  })

  it('was not sent, so a POST continues on another instance', async () => {
    const silent = await silentPort()
    await using server = await startServer(echo)
    const users = client([silent.url, server.url], {
      timeout: { connect: 50 },
      retry: { attempts: 2, backoff: 1 },
      balance: (endpoints, request) => endpoints[request.attempt - 1],
    })
    const response = await users('/x', { method: 'POST', body: 'once' })
    expect(await response.text()).toBe('once')
    silent.close()
  })

  it.each([
    ['timeout.attempt', { attempt: 50 }],
    ['timeout.total', { total: 50 }],
  ])('ends at %s too', async (_name, limits) => {
    const silent = await silentPort()
    const users = client([silent.url], { timeout: limits })
    await expect(users('/x')).rejects.toEqual(timeout)
    expect(users.snapshot().instances[0]?.inFlight).toBe(0)
    silent.close()
  })
})

describe('a body that stalls', () => {
  it('fails with a TimeoutError after timeout.idle, and counts as a failure of the instance', async () => {
    await using server = await startServer(stall)
    const users = client([server.url], { timeout: { idle: 50 } })
    const response = await users('/x')
    await expect(response.text()).rejects.toEqual(timeout)
    const { body } = await users.request('/x')
    await expect(body.text()).rejects.toEqual(timeout)
    expect(users.snapshot().instances[0]).toMatchObject({ inFlight: 0, settled: { success: 0, failure: 2 } })
  })

  it('is neither a slow but steady body, nor one that is read slowly', async () => {
    await using server = await startServer((_request, response) => {
      let sent = 0
      const more = setInterval(() => {
        response.write('x')
        if (++sent < 8) return
        clearInterval(more)
        response.end()
      }, 20)
    })
    const users = client([server.url], { timeout: { idle: 150 } })
    const response = await users('/x')
    expect(await response.text()).toBe('xxxxxxxx')
    server.behave(reply(200, 'y'.repeat(2_000_000)))
    const large = await users('/large')
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect((await large.text()).length).toBe(2_000_000)
  })

  it('can be aborted by the caller, and fails with the caller’s reason', async () => {
    await using server = await startServer(stall)
    const users = client([server.url], { timeout: { idle: 10_000 } })
    const controller = new AbortController()
    const response = await users('/x', { signal: controller.signal })
    const reading = response.text()
    controller.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })
})

describe('timeout.total', () => {
  it('includes all tries and the delays between them', async () => {
    const clock = new ManualClock()
    const users = client(['http://a.invalid', 'http://b.invalid'], {
      clock,
      timeout: { total: 1_000, attempt: 400 },
      retry: { attempts: 10, backoff: 10 },
      budget: { ratio: 10, minPerSecond: 10 },
    })
    let tries = 0
    const call = users.execute(() => {
      tries++
      return new Promise(() => {})
    })
    const outcome = expect(call).rejects.toEqual(timeout)
    await clock.advance(1_000)
    await outcome
    expect(tries).toBe(3)
    expect(clock.timers, 'no timer is left').toBe(0)
  })

  it('counts against the instance that had most of the time, not against one that was used at the end', async () => {
    const clock = new ManualClock()
    const users = client(['http://a.invalid', 'http://b.invalid'], {
      clock,
      timeout: { total: 1_000, attempt: 900 },
      retry: { attempts: 2, backoff: 1 },
      balance: (endpoints, request) => endpoints[request.attempt - 1],
    })
    const call = users.execute(() => new Promise(() => {}))
    const outcome = expect(call).rejects.toEqual(timeout)
    await clock.advance(1_000)
    await outcome
    const [first, second] = users.snapshot().instances
    expect(first?.settled).toMatchObject({ failure: 1, ignored: 0 })
    expect(second?.settled).toMatchObject({ failure: 0, ignored: 1 })
  })

  it('rejects without a wait if the delay of the retry would exceed it', async () => {
    const clock = new ManualClock()
    const users = client(['http://a.invalid'], {
      clock,
      timeout: { total: 1_000 },
      retry: { attempts: 3, maxRetryAfter: 60_000 },
    })
    const answer = { status: 503, headers: { 'retry-after': '5' } }
    await clock.advance(0)
    expect(await users.execute(() => answer)).toBe(answer)
  })
})

describe('the deadline header', () => {
  it('has the milliseconds left of the call or of the try, whichever is less', async () => {
    await using server = await startServer(ok)
    const users = client([server.url], {
      deadline: { header: 'X-Time-Left' },
      timeout: { total: 5_000 },
      routes: { 'GET /quick': { timeout: { attempt: 200 } }, 'GET /free': { timeout: false } },
    })
    await (await users('/x')).text()
    await (await users('/quick')).text()
    await (await users('/free')).text()
    const [whole, quick, free] = server.headers.map((headers) => headers['x-time-left'])
    expect(Number(whole)).toBeGreaterThan(3_000)
    expect(Number(whole)).toBeLessThanOrEqual(5_000)
    expect(Number(quick)).toBeLessThanOrEqual(200)
    expect(free).toBeUndefined()
  })

  it('is passed from a request to the calls that its handler makes', async () => {
    await using server = await startServer(hang)
    const users = client([server.url])
    const incoming = new Request('http://me/', { headers: { 'x-outrigger-deadline': '60' } })
    await expect(users('/x', { ...withDeadline(incoming) })).rejects.toThrow(
      /before the caller's own deadline/,
    )
    const own = { headers: { 'x-time-left': '60' } }
    await expect(users.request('/x', { ...withDeadline(own, { header: 'X-Time-Left' }) })).rejects.toEqual(
      timeout,
    )
    await expect(users.execute(() => new Promise(() => {}), { ...withDeadline(incoming) })).rejects.toEqual(
      timeout,
    )
  })

  it('ends the call before anything is sent if the deadline has passed', async () => {
    await using server = await startServer(ok)
    const users = client([server.url])
    // A connection is there, so that nothing but the deadline is in the way.
    await (await users('/warm')).text()
    const incoming = { headers: { 'x-outrigger-deadline': '0' } }
    await expect(users('/x', { ...withDeadline(incoming) })).rejects.toEqual(timeout)
    expect(server.requests).toEqual(['GET /warm'])
  })

  it.each([undefined, '', 'soon', '-5', '1e3'])('is ignored with the value %j', (value) => {
    expect(withDeadline({ headers: { 'x-outrigger-deadline': value } })).toEqual({})
  })
})

it('the number of the attempt is sent if the option is set, and not otherwise', async () => {
  await using server = await startServer(reply(503), ok)
  const asked = client([server.url], { attemptHeader: 'X-Attempt', retry: { attempts: 2, backoff: 1 } })
  await (await asked('/x', { headers: { accept: 'text/plain' } })).text()
  expect(server.headers.map((headers) => headers['x-attempt'])).toEqual(['1', '2'])
  expect(server.headers[1]?.accept).toBe('text/plain')
  const plain = client([server.url])
  await (await plain('/x')).text()
  expect(Object.keys(server.headers[2] ?? {}).filter((name) => name.includes('attempt'))).toEqual([])
})
