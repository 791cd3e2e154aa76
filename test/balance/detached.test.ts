import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { asBalancer } from '../../src/balance/as-balancer.ts'
import type { Balancer, Pick, PickRequest } from '../../src/balance/balancer.ts'
import {
  consistentHash,
  createClient,
  failover,
  fixed,
  leastRequest,
  peakEwma,
  random,
  roundRobin,
  slowStart,
  sticky,
  subset,
  weightedRoundRobin,
  zoneAware,
  type Client,
  type ClientOptions,
} from '../../src/index.ts'
import { startServer, type TestServer } from '../support/http-server.ts'
import { endpoints, requests } from './harness.ts'

const service = 'user-service'
let bad: TestServer
let good: TestServer

beforeEach(async () => {
  bad = await startServer((_request, response) => response.writeHead(503).end('bad'))
  good = await startServer((_request, response) => response.end('good'))
})
afterEach(async () => {
  await bad.close()
  await good.close()
})

async function connect(options: Partial<ClientOptions>): Promise<Client> {
  const source = fixed([
    { id: 'bad', url: bad.url },
    { id: 'good', url: good.url },
  ])
  const client = createClient({ service, source, ...options })
  await client.ready()
  return client
}

const fresh: Pick = (list, { excluded }) => list.find((endpoint) => !excluded(endpoint)) ?? list[0]

describe('user code may destructure the functions of a pick request', () => {
  it.each<[string, Balancer | Pick]>([
    ['a function', fresh],
    ['an object', { pick: fresh }],
    ['the inner strategy of subset()', subset(fresh, { size: 2, clientId: 0 })],
    ['the inner strategy of failover()', failover({ pick: fresh })],
    ['the inner strategy of slowStart()', slowStart(fresh)],
    ['the inner strategy of zoneAware()', zoneAware(fresh, { zone: 'a' })],
    ['the inner strategy of sticky()', sticky({ key: () => undefined, over: { pick: fresh } })],
  ])('in %s, on the first try and on the next', async (_name, balance) => {
    await using client = await connect({ balance })
    expect(await (await client('/')).text()).toBe('good')
    expect(await (await client.request('/')).body.text()).toBe('good')
  })

  it('also header, param and random, together with the data', async () => {
    const seen: unknown[] = []
    await using client = await connect({
      routes: { 'GET /users/{id}': {} },
      balance: {
        pick(list, { header, param, random: chance, route, method, path, attempt, now, all }) {
          seen.push([header?.('x-user'), param?.('id'), route, method, path, attempt, all?.length])
          expect(chance()).toBeLessThan(1)
          expect(now).toBeGreaterThan(0)
          return list[1]
        },
      },
    })
    await client('/users/7', { headers: { 'X-User': 'ann' } })
    expect(seen).toEqual([['ann', '7', 'GET /users/{id}', 'GET', '/users/7', 1, 2]])
  })

  it('in a copy of the request', async () => {
    const inner = roundRobin()
    await using client = await connect({ balance: (list, request) => inner.pick(list, { ...request }) })
    expect(await (await client('/')).text()).toBe('good')
  })

  it('in a key function of a strategy and of a traffic rule', async () => {
    const keys: unknown[] = []
    const key = ({ header }: PickRequest): string | undefined => {
      keys.push(header?.('x-user'))
      return header?.('x-user')
    }
    await using client = await connect({
      balance: consistentHash({ key }),
      traffic: [{ to: { version: 'v2' }, share: 0.5, key }],
    })
    await client('/', { headers: { 'x-user': 'ann' } })
    expect(new Set(keys)).toEqual(new Set(['ann']))
  })

  it('in a strategy that throws, or that keeps the request after its call, without effect on other calls', async () => {
    const kept: PickRequest[] = []
    await using client = await connect({
      balance(list, request) {
        kept.push(request)
        if (request.path === '/throw') throw new Error('mine')
        return list[1]
      },
    })
    await expect(client('/throw')).rejects.toThrow('mine')
    expect(await (await client('/other')).text()).toBe('good')
    expect(kept.map(({ path }) => path)).toEqual(['/throw', '/other'])
    expect(kept[0]?.header?.('x-user')).toBeUndefined()
  })
})

describe('built-in strategies get no copy of the request', () => {
  const inner = { pick: fresh }
  it.each<[string, Balancer]>([
    ['peakEwma', peakEwma()],
    ['roundRobin', roundRobin()],
    ['weightedRoundRobin', weightedRoundRobin()],
    ['random', random()],
    ['leastRequest', leastRequest()],
    ['consistentHash', consistentHash({ key: { header: 'x-user' } })],
    ['sticky', sticky({ key: { header: 'x-user' }, over: inner })],
    ['subset', subset(inner, { size: 1, clientId: 0 })],
    ['failover', failover(inner)],
    ['slowStart', slowStart(inner)],
    ['zoneAware', zoneAware(inner, { zone: 'a' })],
  ])('%s gets the call itself as request', (_name, balancer) => {
    expect(asBalancer(balancer)).toBe(balancer)
  })

  it('the methods of a user strategy are called on its own object', () => {
    const told: unknown[] = []
    const own = {
      offset: 1,
      pick(list: Parameters<Pick>[0]) {
        return list[this.offset]
      },
      settled(this: unknown, ...attempt: unknown[]) {
        told.push([this === own, attempt.length])
      },
    }
    const balancer = asBalancer(own)
    const set = endpoints(2)
    expect(balancer.pick(set, requests()())).toBe(set[1])
    balancer.settled?.(set[0]!, 'success', 1, 1, 200)
    expect(told).toEqual([[true, 5]])
    expect(balancer.amended).toBeUndefined()
  })
})
