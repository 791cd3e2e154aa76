import axios from 'axios'
import { got } from 'got'
import { once } from 'node:events'
import { Agent, get, type AgentOptions } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, fixed, roundRobin, type Client } from '../../src/index.ts'
import { hang, reply, startServer, type Answer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

// docs/doors.md, "Clients on node:http": why there is no http.Agent of ours, and what reaches these clients.

const open: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of open.splice(0).toReversed()) await end()
})

async function serve(...answers: Answer[]): Promise<TestServer> {
  const server = await startServer(...answers)
  open.push(() => server.close())
  return server
}

/** Answers 20 ms later. */
const slowly: Answer = (_request, response) => setTimeout(() => response.end('ok'), 20)

/** An agent as it would be: each new connection goes to the next instance. */
class PerConnection extends Agent {
  instances: readonly TestServer[]
  #next = 0

  constructor(instances: readonly TestServer[], options: AgentOptions = {}) {
    super({ keepAlive: true, ...options })
    this.instances = instances
    open.push(() => this.destroy())
  }

  override createConnection(): ReturnType<typeof connect> {
    const { port } = new URL(this.instances[this.#next++ % this.instances.length]?.url ?? '')
    return connect(Number(port), '127.0.0.1')
  }
}

async function send(agent: Agent): Promise<void> {
  const [response] = await once(get('http://user-service/', { agent }), 'response')
  response.resume()
  await once(response, 'end')
}

/** So many requests, so many at a time. */
async function load(total: number, atOnce: number, one: () => Promise<unknown>): Promise<void> {
  let left = total
  const worker = async (): Promise<void> => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const requestsOf = (servers: readonly TestServer[]): number[] =>
  servers.map(({ requests }) => requests.length)

describe('an agent that chooses an instance for each connection', () => {
  it.each(['lifo', 'fifo'] as const)(
    'sends most requests to the one that fails fastest (%s)',
    async (scheduling) => {
      const servers = [await serve(slowly), await serve(slowly), await serve(reply(500))]
      const agent = new PerConnection(servers, { scheduling })
      await load(300, 9, () => send(agent))
      expect(requestsOf(servers)[2]).toBeGreaterThan(150)
    },
  )

  it('sends all to one while there is one request at a time', async () => {
    const servers = [await serve(), await serve(), await serve()]
    const agent = new PerConnection(servers)
    await load(30, 1, () => send(agent))
    expect(requestsOf(servers)).toEqual([30, 0, 0])
  })

  it('does not follow the fleet: who joins gets nothing, who has left is called on', async () => {
    const [first, leaving, joining] = [await serve(slowly), await serve(slowly), await serve(slowly)]
    const agent = new PerConnection([first, leaving])
    await load(40, 4, () => send(agent))
    const before = leaving.requests.length
    agent.instances = [first, joining]
    await load(40, 4, () => send(agent))
    expect(joining.requests).toEqual([])
    expect(leaving.requests.length).toBeGreaterThan(before + 10)
  })
})

describe('inside execute(), which chooses for each request', () => {
  const clients: [string, (client: Client, path?: string) => Promise<unknown>][] = [
    [
      'node:http',
      (client, path = '/') =>
        client.execute(async ({ url }, { signal }) => {
          const headers = { host: 'user-service' }
          const [response] = await once(get(new URL(path, url), { signal, headers }), 'response')
          return { status: response.statusCode as number, body: await text(response) }
        }),
    ],
    [
      'axios on its http adapter',
      (client, path = '/') =>
        client.execute(({ url }, { signal }) =>
          axios.get(path, { adapter: 'http', baseURL: url, signal, headers: { host: 'user-service' } }),
        ),
    ],
    [
      'got',
      (client, path = '/') =>
        client.execute(({ url }, { signal }) =>
          got(new URL(path, url), { signal, headers: { host: 'user-service' }, retry: { limit: 0 } }),
        ),
    ],
  ]

  it.each(clients)(
    '%s: one that fails at once is left to itself, and no call is lost',
    async (_name, call) => {
      const servers = [await serve(slowly), await serve(slowly), await serve(reply(500))]
      const client = createClient({
        service: 'user-service',
        source: fixed(servers.map(({ url }) => url)),
        budget: { minPerSecond: 1000 },
      })
      open.push(() => client.close())
      await client.ready()
      let failed = 0
      await load(150, 9, () => call(client).catch(() => failed++))
      expect(failed).toBe(0)
      expect(requestsOf(servers)[2]).toBeLessThan(40)
      expect(new Set(servers.flatMap(({ headers }) => headers.map(({ host }) => host)))).toEqual(
        new Set(['user-service']),
      )
    },
  )

  it.each(clients)('%s: one at a time goes to all', async (_name, call) => {
    const servers = [await serve(), await serve(), await serve()]
    const source = fixed(servers.map(({ url }) => url))
    const client = createClient({ service: 'user-service', source, balance: roundRobin() })
    open.push(() => client.close())
    await load(30, 1, () => call(client))
    expect(requestsOf(servers)).toEqual([10, 10, 10])
  })

  it.each(clients)(
    '%s: an instance that hangs is left after `timeout.attempt`, and its request is ended',
    async (_name, call) => {
      const hanging = await serve(hang)
      const good = await serve()
      const client = createClient({
        service: 'user-service',
        source: fixed([hanging.url, good.url]),
        balance: (list, { attempt }) => list[attempt === 1 ? 0 : list.length - 1],
        timeout: { attempt: 50 },
      })
      open.push(() => client.close())
      await call(client)
      expect(requestsOf([hanging, good])).toEqual([1, 1])
      await until(() => hanging.open === 0)
    },
  )
})
