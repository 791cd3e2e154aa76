import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createClient,
  fixed,
  prequal,
  reportedLoad,
  reportLoad,
  zoneAware,
  type Balancer,
  type Client,
  type LoadReport,
} from '../../src/index.ts'

const closing: (() => unknown)[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  for (const close of closing.splice(0).toReversed()) await close()
})

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handler)
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

/** A server that reports this load. It answers with its name. */
function saying(name: string, header: string | string[]): Promise<string> {
  return serve((_request, response) => {
    response.setHeader('endpoint-load-metrics', header)
    response.end(name)
  })
}

function clientOf(urls: readonly string[], balance: Balancer): Client {
  const client = createClient({ service: 'users', source: fixed([...urls]), balance })
  closing.push(() => client.close())
  return client
}

async function answers(client: Client, count: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {}
  for (let call = 0; call < count; call++) {
    const name = await (await client('/')).text()
    seen[name] = (seen[name] ?? 0) + 1
  }
  return seen
}

describe('load that is reported over HTTP', () => {
  it('moves calls to the instance with more free capacity, with fetch, request and execute', async () => {
    const urls = [
      await saying('full', 'TEXT application_utilization=0.9,rps_fractional=90'),
      await saying('idle', 'JSON {"applicationUtilization":0.225,"rpsFractional":90}'),
    ]
    // On a busy machine, one of the two may be slow for a moment: that must not hold its reports back here.
    const client = clientOf(urls, reportedLoad({ blackout: 0, update: 0, slower: Infinity }))
    await answers(client, 20)
    const { full = 0, idle = 0 } = await answers(client, 200)
    expect(idle).toBeGreaterThan(2 * full)
    const told: LoadReport[] = []
    const asked = clientOf(urls, {
      pick: ([first]) => first,
      reported: (_endpoint, report) => void told.push(report),
    })
    await (await asked.request('/')).body.dump()
    await asked.execute(({ url }) => fetch(url))
    expect(told).toEqual(Array.from({ length: 2 }, () => ({ applicationUtilization: 0.9, rps: 90 })))
  })

  it.each<[string, () => Balancer]>([
    ['reportedLoad', () => reportedLoad({ blackout: 0, update: 0 })],
    ['prequal', () => prequal()],
    ['zoneAware over prequal', () => zoneAware(prequal(), { zone: 'a' })],
  ])('%s: works with reportLoad() on the server', async (_name, make) => {
    const serveOne = (name: string): Promise<string> => {
      const report = reportLoad({ window: 10 })
      return serve((request, response) => report(request, response, () => response.end(name)))
    }
    const client = clientOf(await Promise.all(['a', 'b', 'c'].map(serveOne)), make())
    const seen = await answers(client, 150)
    expect(Object.keys(seen).toSorted()).toEqual(['a', 'b', 'c'])
  })

  it.each<[string, () => Balancer]>([
    ['reportedLoad', () => reportedLoad({ blackout: 0, update: 0 })],
    ['prequal', () => prequal()],
  ])(
    '%s: an invalid header changes nothing, and attracts no more than a fair share of calls',
    async (_name, make) => {
      const hostile = [
        'TEXT application_utilization=NaN,rps_fractional=-1',
        `JSON ${'['.repeat(8_000)}`,
        'TEXT application_utilization=1e-300,rps_fractional=1e300,named_metrics.in_flight=0,named_metrics.latency=0',
        'a'.repeat(12_000),
        '{}',
        'JSON {"__proto__":{"rps":1},"named_metrics":{"__proto__":1}}',
      ]
      let call = 0
      const liar = await serve((_request, response) => {
        response.setHeader('endpoint-load-metrics', hostile[call++ % hostile.length] as string)
        response.end('liar')
      })
      const honest =
        'TEXT application_utilization=0.5,rps_fractional=100,named_metrics.in_flight=2,named_metrics.latency=9'
      const urls = [liar, ...(await Promise.all(Array.from({ length: 9 }, () => saying('honest', honest))))]
      const { honest: good = 0, liar: bad = 0 } = await answers(clientOf(urls, make()), 400)
      expect(good + bad).toBe(400)
      expect(bad).toBeLessThan(200)
      expect(({} as { rps?: number }).rps).toBeUndefined()
    },
  )

  it.each<[string, NonNullable<Balancer['reported']>]>([
    ['throws', () => JSON.parse('{') as void],
    ['rejects', async () => Promise.reject(new Error('down'))],
    ['never settles', () => new Promise(() => {})],
  ])('a strategy whose reported() %s fails no call', async (name, reported) => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const url = await saying('one', 'TEXT eps=0')
    const client = clientOf([url], { pick: ([first]) => first, reported })
    expect(await answers(client, 3)).toEqual({ one: 3 })
    expect(
      warnings.mock.calls.map(([text]) => String(text)).filter((text) => /balance\.reported/.test(text)),
    ).toHaveLength(name === 'throws' ? 3 : 0)
  })

  it('is passed to the strategy before the outcome, and not without a header or with an invalid one', async () => {
    const told: string[] = []
    const balancer: Balancer = {
      pick: ([first]) => first,
      reported: (_endpoint, { eps }, now) => void told.push(`eps ${eps} ${now > 0}`),
      settled: (_endpoint, outcome) => void told.push(outcome),
    }
    await answers(clientOf([await saying('one', ['TEXT eps=4', 'rps_fractional=1'])], balancer), 1)
    await answers(clientOf([await saying('one', 'TEXT eps=-4')], balancer), 1)
    await answers(clientOf([await serve((_request, response) => response.end('one'))], balancer), 1)
    expect(told).toEqual(['eps 4 true', 'success', 'success', 'success'])
  })

  it('that arrives after close() is ignored', async () => {
    const arrived = Promise.withResolvers<ServerResponse>()
    const url = await serve((_request, response) => arrived.resolve(response))
    const reported = vi.fn<NonNullable<Balancer['reported']>>()
    const client = createClient({
      service: 'users',
      source: fixed([url]),
      balance: { pick: ([first]) => first, reported },
      drainTimeout: 0,
    })
    const call = client('/').then(
      (response) => response.status,
      () => 'failed',
    )
    const response = await arrived.promise
    await client.close()
    response.setHeader('endpoint-load-metrics', 'TEXT eps=0')
    response.end()
    expect(await call).toBe('failed')
    expect(reported).not.toHaveBeenCalled()
  })
})
