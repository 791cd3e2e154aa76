import { describe, expect, it } from 'vitest'
import { createClient, type Balancer, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { inOrder } from '../support/balance.ts'
import { CHILD_TIMEOUT, startBlackhole, startHangingProcess } from '../support/child.ts'
import { collect, instanceOf, outcomes } from '../support/events.ts'
import { hang, ok, refusedUrl, reply, reset, stall, startServer, truncate } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: inOrder,
  retry: { attempts: 3, backoff: 0 },
})

describe('an instance that', () => {
  it(
    'is killed during a request fails the attempt, and another instance answers',
    { timeout: CHILD_TIMEOUT },
    async () => {
      await using dying = await startHangingProcess()
      await using healthy = await startServer(ok)
      await using client = createClient(options(dying.url, healthy.url))
      const seen = outcomes(client)
      const answer = client('/')
      await dying.seen()
      await dying.kill()
      expect(await (await answer).text()).toBe('ok')
      expect(seen).toEqual([`${dying.host} failure`, `${healthy.host} success`])
    },
  )

  it('truncates its bodies makes the strategy get a failure', async () => {
    await using server = await startServer(truncate)
    const told: string[] = []
    const balance: Balancer = {
      pick: (endpoints) => endpoints[0],
      settled: (_endpoint, outcome) => void told.push(outcome),
      amended: (_endpoint, ms, now) => {
        told.push(`amended ${ms >= 0 && now >= ms}`)
        throw new Error('a strategy that throws')
      },
    }
    await using client = createClient({ ...options(server.url), balance })
    const response = await client('/')
    await expect(response.text()).rejects.toThrow('terminated')
    expect(told).toEqual(['success', 'amended true'])
  })

  it('refuses connections makes a call of any method go to another instance', async () => {
    const refused = await refusedUrl()
    await using healthy = await startServer(ok)
    await using client = createClient(options(refused, healthy.url))
    const response = await client('/', { method: 'POST', body: 'sent once' })
    expect(await response.text()).toBe('ok')
    expect(healthy.requests).toEqual(['POST /'])
    expect(healthy.received).toBe(9)
  })

  it('refuses connections gets an open breaker, and no further attempts', async () => {
    const refused = await refusedUrl()
    await using healthy = await startServer(ok)
    await using client = createClient({
      ...options(refused, healthy.url),
      breaker: { failureThreshold: 2 },
    })
    const opened = collect(client, 'breaker:open')
    const seen = outcomes(client)
    for (let call = 0; call < 4; call++) await (await client('/')).text()
    const id = refused.slice('http://'.length)
    expect(opened).toMatchObject([{ instance: { id }, reason: 'consecutive-failures' }])
    expect(seen.filter((outcome) => outcome.startsWith(id))).toHaveLength(2)
  })

  it('refuses connections and is the only one makes the call fail with fetch’s own error', async () => {
    const refused = await refusedUrl()
    await using client = createClient({ ...options(refused), retry: false })
    const error: unknown = await client('/').catch((error: unknown) => error)
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNREFUSED' } })
  })

  it('accepts and never answers loses the call to another instance after timeout.attempt', async () => {
    await using silent = await startServer(hang)
    await using healthy = await startServer(ok)
    await using client = createClient({ ...options(silent.url, healthy.url), timeout: { attempt: 50 } })
    const seen = outcomes(client)
    expect(await (await client('/')).text()).toBe('ok')
    expect(seen).toEqual([`${silent.host} failure`, `${healthy.host} success`])
    await until(() => silent.open === 0)
    expect(instanceOf(client, silent.host)).toMatchObject({ inFlight: 0, pending: 0 })
  })

  it('accepts and never answers makes the call fail with a TimeoutError after timeout.total', async () => {
    await using silent = await startServer(hang)
    await using client = createClient({ ...options(silent.url), timeout: 50 })
    const seen = outcomes(client)
    // A timer that fires late, as on a busy machine, makes its attempt count as ignored. One of them will fire in
    // time.
    await until(async () => {
      await expect(client('/')).rejects.toMatchObject({ name: 'TimeoutError' })
      return seen.includes(`${silent.host} failure`)
    })
  })

  it('resets the connection loses the call to another instance', async () => {
    await using broken = await startServer(reset)
    await using healthy = await startServer(ok)
    await using client = createClient(options(broken.url, healthy.url))
    const seen = outcomes(client)
    expect(await (await client('/')).text()).toBe('ok')
    expect(seen).toEqual([`${broken.host} failure`, `${healthy.host} success`])
  })

  it.each([
    [200, 'success'],
    [404, 'success'],
    [429, 'overload'],
    [500, 'failure'],
    [501, 'success'],
    [503, 'failure'],
    [505, 'success'],
  ])('answers %d has a %s', async (status, outcome) => {
    await using server = await startServer(reply(status))
    await using client = createClient({ ...options(server.url), retry: false })
    const seen = outcomes(client)
    expect((await client('/')).status).toBe(status)
    expect(seen).toEqual([`${server.host} ${outcome}`])
  })

  it('answers 503 with Retry-After is avoided for that time', async () => {
    await using busy = await startServer(reply(503, '', { 'retry-after': '30' }))
    await using healthy = await startServer(ok)
    await using client = createClient({ ...options(busy.url, healthy.url), retry: false })
    const seen = outcomes(client)
    expect((await client('/')).status).toBe(503)
    expect((await client('/')).status).toBe(200)
    expect(seen).toEqual([`${busy.host} overload`, `${healthy.host} success`])
  })
})

describe('a truncated body', () => {
  it('fails the reader, and counts as a failure of the instance though the headers said 200', async () => {
    await using server = await startServer(truncate)
    await using client = createClient(options(server.url))
    const response = await client('/')
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow(TypeError)
    expect(instanceOf(client, server.host)).toMatchObject({
      inFlight: 0,
      settled: { success: 0, failure: 1 },
    })
  })

  it('opens the breaker when it happens again and again', async () => {
    await using server = await startServer(truncate)
    await using client = createClient({ ...options(server.url), breaker: { failureThreshold: 3 } })
    const opened = collect(client, 'breaker:open')
    for (let call = 0; call < 3; call++) {
      expect(opened).toHaveLength(0)
      await expect((await client('/')).text()).rejects.toThrow(Error)
    }
    expect(opened).toMatchObject([{ reason: 'consecutive-failures' }])
    await expect(client('/')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN' })
  })

  it('opens the breaker through request() as well', async () => {
    await using server = await startServer(truncate)
    await using client = createClient({ ...options(server.url), breaker: { failureThreshold: 2 } })
    for (let call = 0; call < 2; call++) {
      const { body } = await client.request('/')
      await expect(body.text()).rejects.toThrow(Error)
    }
    expect(instanceOf(client, server.host)).toMatchObject({ breaker: 'open', settled: { failure: 2 } })
  })

  it('keeps a half-open breaker from closing', async () => {
    await using server = await startServer(reset, truncate)
    await using client = createClient({
      ...options(server.url),
      retry: false,
      breaker: { failureThreshold: 1, successThreshold: 1, openFor: 1 },
    })
    const reopened = collect(client, 'breaker:open')
    await expect(client('/')).rejects.toThrow(Error)
    await until(() => instanceOf(client, server.host).breaker === 'half-open')
    const response = await client('/').catch(() => undefined)
    await response?.text().catch(() => {})
    expect(reopened.length).toBeGreaterThan(0)
    expect(instanceOf(client, server.host).settled).toEqual({
      success: 0,
      failure: 2,
      overload: 0,
      ignored: 0,
    })
  })
})

describe('a body that stalls', () => {
  it('holds its load until the reader stops, and then counts as no failure', async () => {
    await using server = await startServer(stall)
    await using client = createClient(options(server.url))
    const controller = new AbortController()
    const response = await client('/', { signal: controller.signal })
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 1, pending: 0 })
    const reason = new Error('enough')
    const reading = response.text()
    controller.abort(reason)
    await expect(reading).rejects.toBe(reason)
    await until(() => instanceOf(client, server.host).inFlight === 0)
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 1, failure: 0 })
  })
})

describe('a connection that is never established', { timeout: CHILD_TIMEOUT }, () => {
  it('ends after timeout.attempt, and counts as a failure', async () => {
    await using blackhole = await startBlackhole()
    await using healthy = await startServer(ok)
    await using client = createClient({ ...options(blackhole.url, healthy.url), timeout: { attempt: 50 } })
    const seen = outcomes(client)
    expect(await (await client('/')).text()).toBe('ok')
    expect(seen).toEqual([`${blackhole.host} failure`, `${healthy.host} success`])
    expect(instanceOf(client, blackhole.host).inFlight).toBe(0)
  })

  it.each([
    ['fetch', (client: ReturnType<typeof createClient>) => client('/')],
    ['request', (client: ReturnType<typeof createClient>) => client.request('/')],
  ])('ends after timeout.total through %s', async (_door, call) => {
    await using blackhole = await startBlackhole()
    await using client = createClient({ ...options(blackhole.url), timeout: 400 })
    await client.ready()
    await expect(call(client)).rejects.toMatchObject({ name: 'TimeoutError' })
    const { inFlight, settled } = instanceOf(client, blackhole.host)
    expect(inFlight).toBe(0)
    // On a busy machine the timer may fire late. Then the attempt is ignored.
    expect(settled.failure + settled.ignored).toBe(1)
  })

  it.each([
    [
      'fetch',
      (client: ReturnType<typeof createClient>, signal: AbortSignal): Promise<unknown> =>
        client('/', { signal }),
    ],
    [
      'request',
      (client: ReturnType<typeof createClient>, signal: AbortSignal): Promise<unknown> =>
        client.request('/', { signal }),
    ],
  ])('ends when the caller aborts, through %s', async (_door, call) => {
    await using blackhole = await startBlackhole()
    await using client = createClient(options(blackhole.url))
    const controller = new AbortController()
    await client.ready()
    const calling = call(client, controller.signal)
    await until(() => instanceOf(client, blackhole.host).inFlight === 1)
    const reason = new Error('not interested any more')
    controller.abort(reason)
    await expect(calling).rejects.toBe(reason)
    expect(instanceOf(client, blackhole.host)).toMatchObject({
      inFlight: 0,
      settled: { failure: 0, ignored: 1 },
    })
  })

  it('does not delay close()', async () => {
    await using blackhole = await startBlackhole()
    const client = createClient({
      ...options(blackhole.url),
      timeout: 50,
      transport: { connect: { timeout: CHILD_TIMEOUT } },
    })
    await expect(client('/')).rejects.toMatchObject({ name: 'TimeoutError' })
    await client.close()
  })
})
