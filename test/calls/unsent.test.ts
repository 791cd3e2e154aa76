import { Pool } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createClient,
  fixed,
  roundRobin,
  type Client,
  type ClientOptions,
  type Pick,
} from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'
import { collect } from '../support/events.ts'
import { echo, hang, ok, refusedUrl, reset, startServer } from '../support/http-server.ts'

const clients: Client[] = []
function client(urls: string[], options: Partial<ClientOptions> = {}): Client {
  const made = createClient({ service: 'svc', source: fixed(urls), balance: roundRobin(), ...options })
  clients.push(made)
  return made
}
afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.close()))
})

async function dead(count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, () => refusedUrl()))
}

describe('a request that was not sent', () => {
  it('costs no attempt: no call fails when half of a fleet dies at the same time', async () => {
    await using a = await startServer(ok)
    await using b = await startServer(ok)
    const [c, d, e, f] = (await dead(4)) as [string, string, string, string]
    const users = client([c, a.url, d, e, b.url, f], { budget: { ratio: 0, minPerSecond: 0 } })
    for (let i = 0; i < 30; i++) expect((await users('/x')).status).toBe(200)
  })

  it('continues on another instance with any method, even with attempts: 1', async () => {
    await using server = await startServer(echo)
    const users = client([...(await dead(3)), server.url], { retry: { attempts: 1 } })
    const response = await users('/x', { method: 'POST', body: 'once' })
    expect(await response.text()).toBe('once')
    expect(server.requests).toHaveLength(1)
  })

  it('does not count towards retry.attempts', async () => {
    await using server = await startServer(reset, reset, ok)
    const users = client([...(await dead(3)), server.url], {
      retry: { attempts: 3, backoff: 1 },
      breaker: false,
      balance: (endpoints, request) => endpoints.find((each) => !request.excluded(each)) ?? endpoints.at(-1),
    })
    expect((await users('/x')).status).toBe(200)
    expect(server.requests).toHaveLength(3)
  })

  it('fails with the platform’s error after the last instance', async () => {
    const users = client(await dead(3), { retry: { attempts: 1 } })
    const attempts: number[] = []
    users.on('attempt', ({ attempt }) => attempts.push(attempt))
    await expect(users('/x')).rejects.toThrow('fetch failed')
    expect(attempts).toEqual([1, 2, 3])
  })

  it('is sent to the only instance again after a delay, for budget, unless its body is a stream', async () => {
    const asked: number[] = []
    const when = ({ attempt }: { attempt: number }): undefined => void asked.push(attempt)
    const users = client(await dead(1), { retry: { attempts: 2, backoff: 1, when } })
    const told: unknown[] = []
    users.on('call', ({ attempts, notRetried }) => told.push([attempts, notRetried]))
    const before = users.explain().budget
    const post = { method: 'POST', body: 'x' }
    await expect(users('/x', post)).rejects.toThrow('fetch failed')
    expect(users.explain().budget).toBe(before - 1)
    expect(asked, 'first for somebody else, then for another try').toEqual([1, 1, 2, 2])
    const body = new Blob(['x']).stream()
    await expect(users('/x', { ...post, body, duplex: 'half' })).rejects.toThrow('fetch failed')
    expect(asked).toEqual([1, 1, 2, 2, 1])
    expect(told).toEqual([
      [2, 'attempts'],
      [1, 'body'],
    ])
  })

  it('does not use all instances of a large fleet', async () => {
    const users = client(await dead(20), { retry: { attempts: 2, backoff: 1 } })
    let attempts = 0
    users.on('attempt', () => attempts++)
    await expect(users('/x')).rejects.toThrow('fetch failed')
    expect(attempts).toBe(12)
  })

  it('fails the call if retries are off', async () => {
    await using server = await startServer(ok)
    const users = client([...(await dead(1)), server.url], { retry: false })
    const outcomes = await Promise.allSettled([users('/x'), users('/x')])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })
})

describe('a request that was not sent, and that another instance cannot take over', () => {
  const doors: [string, (users: Client, input: string) => Promise<unknown>][] = [
    ['fetch', (users, input) => users(input, { method: 'POST', body: 'x' })],
    ['request', (users, input) => users.request(input, { method: 'POST', body: 'x' })],
  ]
  const fail = (): never => {
    throw new RangeError('a function of the user')
  }
  const cases: [string, Partial<ClientOptions>, number][] = [
    ['retry.when throws', { balance: inOrder, retry: { when: fail } }, 1],
    ['the balancer throws', { balance: (all, { attempt }) => (attempt === 1 ? all[0] : fail()) }, 1],
    [
      'transport throws',
      { balance: inOrder, transport: ({ url }) => (url === usable ? fail() : new Pool(url)) },
      2,
    ],
  ]
  let usable = ''

  it('the balancer throws for a hedge: the call rejects with its error, and the first try ends too', async () => {
    await using server = await startServer(hang)
    const [refused = '', other = ''] = await dead(2)
    const balance: Pick = (endpoints, { attempt }) => {
      if (attempt > 2) return fail()
      const url = attempt === 1 ? server.url : refused
      return endpoints.find(({ instance }) => instance.url === url)
    }
    const users = client([server.url, refused, other], { balance, hedge: { after: 5 }, timeout: false })
    await expect(users('/x')).rejects.toThrow('a function of the user')
    expect(users.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0])
  })

  for (const [door, call] of doors) {
    it.each(cases)(
      `%s: the call rejects with its error, through ${door}`,
      async (_what, options, attempts) => {
        await using server = await startServer(ok)
        usable = server.url
        const users = client([...(await dead(1)), usable], { ...options, timeout: false })
        const calls = collect(users, 'call')
        await expect(call(users, '/x')).rejects.toThrow('a function of the user')
        expect(calls).toMatchObject([{ attempts, outcome: 'failure' }])
        expect(users.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([0, 0])
        expect(server.requests).toEqual([])
      },
    )

    it(`speaks plain HTTP, but the call asks for TLS: the call rejects with an error that says so, through ${door}`, async () => {
      await using server = await startServer(ok)
      const [url = ''] = await dead(1)
      const urls = [url.replace('http:', 'https:'), server.url]
      const users = client(urls, { balance: inOrder, timeout: false })
      const attempts = collect(users, 'attempt')
      await expect(call(users, 'https://svc/x')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_DENIED' })
      const error = expect.objectContaining({ code: 'ERR_OUTRIGGER_DENIED' })
      expect(attempts).toMatchObject([{ outcome: 'failure' }, { outcome: 'ignored', error }])
      expect(server.connections).toBe(0)
    })
  }
})
