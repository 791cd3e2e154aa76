import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  createClient,
  fixed,
  roundRobin,
  withDeadline,
  type Client,
  type ClientOptions,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import {
  callersTimeLimitVerdict,
  isTimeLimit,
  timeLimitVerdict,
  type TryAtLimit,
} from '../../src/verdict/time-limit.ts'
import type { Ending } from '../../src/verdict/verdict.ts'
import { VERDICTS } from '../../src/verdict/verdict.ts'
import { hang, startServer, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

describe('a timeout of the call', () => {
  const atLimit: TryAtLimit = { callAge: 100, tryAge: 100, lateBy: 0, sent: true }

  it.each<[Ending, string, Partial<TryAtLimit>]>([
    ['silent', 'had all of it', {}],
    ['silent', 'had half of it', { tryAge: 50 }],
    ['abandoned', 'had less than half of it', { tryAge: 49 }],
    ['unreachable', 'had all of it and no connection', { sent: false }],
    ['queued', 'waits in the client’s own queue', { tryAge: -Infinity, sent: false }],
    ['lateTimer', 'ended with a late timer', { lateBy: 20 }],
    ['silent', 'ended with an almost punctual timer', { lateBy: 19 }],
    [
      'queued',
      'waits in the client’s own queue, and the timer fires late',
      { tryAge: -Infinity, lateBy: 500 },
    ],
  ])('is %s for a try that %s', (ending, _what, how) => {
    expect(timeLimitVerdict({ ...atLimit, ...how })).toBe(VERDICTS[ending])
    expect(callersTimeLimitVerdict({ ...atLimit, ...how }, undefined)).toBe(VERDICTS[ending])
  })

  it('tells nothing if it is the caller’s and shorter than the instance’s usual latency', () => {
    expect(callersTimeLimitVerdict(atLimit, 51)).toBe(VERDICTS.abandoned)
    expect(callersTimeLimitVerdict(atLimit, 50)).toBe(VERDICTS.silent)
  })

  it.each([
    [new DOMException('x', 'TimeoutError'), true],
    [Object.assign(new Error('x'), { name: 'TimeoutError' }), true],
    [new DOMException('x', 'AbortError'), false],
    [new Error('x'), false],
    ['TimeoutError', false],
    [undefined, false],
    [null, false],
  ])('is what an abort for %s means: %s', (reason, expected) => {
    expect(isTimeLimit(reason)).toBe(expected)
  })
})

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: roundRobin(),
  retry: false,
})
const late = new DOMException('too slow', 'TimeoutError')

describe('a timeout of the caller', () => {
  const doors: [string, (client: Client, signal: AbortSignal) => Promise<unknown>][] = [
    ['fetch', (client, signal) => client('/', { signal })],
    ['fetch with a Request', (client, signal) => client(new Request('http://user-service/', { signal }))],
    ['request', (client, signal) => client.request('/', { signal })],
    ['execute', (client, signal) => client.execute(() => new Promise(() => {}), { signal })],
    ['dispatcher', ({ dispatcher }, signal) => dispatcher.request({ path: '/', method: 'GET', signal })],
  ]

  it.each(doors)('counts against an instance that hangs: %s', async (_door, call) => {
    await using server = await startServer(hang)
    await using client = createClient({ ...options(server.url), breaker: { failureThreshold: 5 } })
    await client.ready()
    for (let number = 1; number <= 5; number++) {
      const controller = new AbortController()
      const answer = call(client, controller.signal)
      await until(() => client.snapshot().instances[0]?.inFlight === 1)
      if (!_door.startsWith('execute')) await server.seen(number)
      // A try that had most of the time counts, so there must be enough time.
      await sleep(5)
      controller.abort(late)
      await expect(answer).rejects.toThrow(Error)
      await until(() => client.snapshot().instances[0]?.inFlight === 0)
    }
    expect(client.snapshot().instances[0]).toMatchObject({ breaker: 'open', settled: { failure: 5 } })
  })

  it.each(doors)('does not count if the caller aborts for another reason: %s', async (_door, call) => {
    await using server = await startServer(hang)
    await using client = createClient({ ...options(server.url), breaker: { failureThreshold: 1 } })
    await client.ready()
    const controller = new AbortController()
    const answer = call(client, controller.signal)
    await until(() => client.snapshot().instances[0]?.inFlight === 1)
    controller.abort()
    await expect(answer).rejects.toThrow(Error)
    await until(() => client.snapshot().instances[0]?.inFlight === 0)
    expect(client.snapshot().instances[0]).toMatchObject({ breaker: 'closed', settled: { failure: 0 } })
  })

  it('counts if it is a passed deadline', async () => {
    const clock = new ManualClock()
    await using client = createClient({
      ...options('http://a.invalid'),
      clock,
      breaker: { failureThreshold: 1 },
    })
    const { deadline } = withDeadline({ headers: { 'x-outrigger-deadline': '100' } }, { clock })
    const answer = client.execute(() => new Promise(() => {}), { deadline: deadline! })
    const ended = expect(answer).rejects.toMatchObject({ name: 'TimeoutError' })
    await clock.advance(100)
    await ended
    expect(client.snapshot().instances[0]).toMatchObject({ breaker: 'open', settled: { failure: 1 } })
  })
})

/** Blocks the event loop, as a long computation does. */
function stall(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('a blocked event loop', () => {
  it.each<[string, ClientOptions['timeout']]>([
    ['timeout.total', { total: 500 }],
    ['timeout.attempt', { attempt: 500 }],
    ['timeout.idle', { idle: 500 }],
  ])('does not fail a call whose response arrived meanwhile: %s', async (_name, timeout) => {
    const waiting: Parameters<Answer>[1][] = []
    await using server = await startServer((_request, response) => waiting.push(response))
    await using client = createClient({
      ...options(server.url),
      breaker: { failureThreshold: 1 },
      timeout: timeout!,
    })
    const answers = Promise.all(Array.from({ length: 3 }, async () => (await client('/')).text()))
    await until(() => waiting.length === 3)
    // From now on the response is in the socket.
    for (const response of waiting) response.end('ok')
    stall(700)
    expect(await answers).toEqual(['ok', 'ok', 'ok'])
    expect(client.snapshot().instances[0]).toMatchObject({ breaker: 'closed', settled: { failure: 0 } })
  })

  it('during the caller’s own timeout counts against no instance that responded in time', async () => {
    const waiting: Parameters<Answer>[1][] = []
    await using server = await startServer((_request, response) => waiting.push(response))
    await using client = createClient({ ...options(server.url), breaker: { failureThreshold: 1 } })
    const signal = AbortSignal.timeout(500)
    const ended = Promise.allSettled(Array.from({ length: 3 }, () => client('/', { signal })))
    await until(() => waiting.length === 3)
    for (const response of waiting) response.end('ok')
    stall(700)
    await ended
    await until(() => client.snapshot().instances[0]?.inFlight === 0)
    expect(client.snapshot().instances[0]).toMatchObject({ breaker: 'closed', settled: { failure: 0 } })
  })
})

describe('waiting for a connection of the client’s own pool', () => {
  it('is limited by timeout.total only, is shown in the snapshot, and opens no breaker', async () => {
    const waiting: Parameters<Answer>[1][] = []
    await using server = await startServer((_request, response) => waiting.push(response))
    const clock = new ManualClock()
    await using client = createClient({
      ...options(server.url),
      clock,
      transport: { connections: 2 },
      breaker: { failureThreshold: 1 },
      timeout: { total: 10_000, connect: 10, attempt: 1_000 },
    })
    const answers = Array.from({ length: 6 }, () => client('/', { method: 'POST', body: 'x' }))
    await until(() => waiting.length === 2)
    expect(client.snapshot().instances[0]).toMatchObject({ inFlight: 6, queued: 4 })
    // Longer than the connect timeout. The sent ones exceed their timeout too.
    await clock.advance(900)
    for (const response of waiting.splice(0)) response.end('ok')
    await until(() => waiting.length === 2)
    await clock.advance(900)
    expect(client.snapshot().instances[0]).toMatchObject({ queued: 2, settled: { failure: 0 } })
    for (const response of waiting.splice(0)) response.end('ok')
    await until(() => waiting.length === 2)
    for (const response of waiting.splice(0)) response.end('ok')
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    expect(statuses).toEqual(Array(6).fill(200))
    expect(client.snapshot().instances[0]).toMatchObject({
      breaker: 'closed',
      queued: 0,
      settled: { failure: 0 },
    })
  })

  it('until timeout.total has passed is not a failure of the instance', async () => {
    await using server = await startServer(hang)
    const clock = new ManualClock()
    await using client = createClient({
      ...options(server.url),
      clock,
      transport: { connections: 1 },
      breaker: { failureThreshold: 2 },
      timeout: { total: 1_000, connect: 10 },
    })
    const outcomes: string[] = []
    client.on('attempt', ({ outcome, whose }) => outcomes.push(`${outcome} ${whose}`))
    const ended = Promise.allSettled(Array.from({ length: 3 }, () => client('/')))
    await server.seen(1)
    await clock.advance(1_000)
    await ended
    expect(outcomes.toSorted()).toEqual(['failure instance', 'ignored client', 'ignored client'])
    expect(client.snapshot().instances[0]).toMatchObject({ breaker: 'closed' })
  })
})
