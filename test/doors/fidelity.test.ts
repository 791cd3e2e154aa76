import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient, createFetch, fixed, type Client } from '../../src/index.ts'
import { collect } from '../support/events.ts'
import { ok } from '../support/http-server.ts'
import { aborts } from './cases/aborts.ts'
import { answers } from './cases/answers.ts'
import { bodies } from './cases/bodies.ts'
import { stream, type Case } from './cases/case.ts'
import { inputs } from './cases/inputs.ts'
import { redirects } from './cases/redirects.ts'
import { requests } from './cases/requests.ts'
import { comparable, outcomeOf, startOrigin, type Door, type Origin } from './observe.ts'

/** Potentially trustworthy, like 127.0.0.1: fetch sends more headers to such a host since undici 8. */
const service = 'user-service.localhost'

let origin: Origin
let other: Origin
let users: Client
/** Uses the fast path where it can. */
let fast: Client

beforeAll(async () => {
  origin = await startOrigin()
  other = await startOrigin()
  users = createClient({
    service,
    source: fixed([origin.server.url]),
    // A client adds this to fetch on purpose.
    retry: false,
    breaker: false,
    fetch: 'platform',
  })
  fast = createClient({
    service,
    source: fixed([origin.server.url]),
    retry: false,
    breaker: false,
    fetch: 'fast',
  })
})

afterAll(async () => {
  await fast.close()
  await users.close()
  await origin[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

/** All that the caller and the servers see of one case through one door. */
async function facts(door: Door, { answers: script = [ok], call }: Case): Promise<unknown> {
  origin.play(script)
  other.play([ok])
  const before = origin.server.requests.length
  const context = { other: other.server.url, arrived: () => origin.server.seen(before + 1) }
  const outcome = await outcomeOf(() => call(door.fetch, `http://${door.host}`, context))
  return comparable(door, { outcome, seen: await origin.seen(), seenByOther: await other.seen() })
}

describe.each([
  ['inputs', inputs],
  ['bodies', bodies],
  ['requests', requests],
  ['answers', answers],
  ['redirects', redirects],
  ['aborts', aborts],
])('fetch and a client do the same with %s:', (_group, cases) => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
    const platform = await facts({ fetch: globalThis.fetch, host: origin.server.host }, each)
    expect(await facts({ fetch: users, host: service }, each)).toEqual(platform)
    // The first call of a shape goes through fetch. The second one uses the fast path.
    expect(await facts({ fetch: fast, host: service }, each)).toEqual(platform)
    expect(await facts({ fetch: fast, host: service }, each)).toEqual(platform)
    const appFetch = createFetch({ services: { [service]: users } })
    expect(await facts({ fetch: appFetch, host: service }, each)).toEqual(platform)
  })
})

// undici 7 (Node 24) drops it even without this library.
it('a Request’s referrer is kept, although each call adds a dispatcher', async () => {
  origin.play([ok])
  const referrer = 'http://referrer.example/a'
  await users(new Request(`http://${service}/`, { referrer, referrerPolicy: 'unsafe-url' }))
  const [seen] = await origin.seen()
  expect(seen?.headers).toContain(referrer)
})

it.each<[string, RequestInit]>([
  ['a header with a line break', { headers: { a: '1\r\nx-injected: 2' } }],
  ['a mode nobody knows', { mode: 'nonsense' } as unknown as RequestInit],
  ['a body to a GET', { body: 'x' }],
  ['a stream without duplex', { method: 'PUT', body: stream('x') }],
])('%s is not sent, not retried, and does not count against an instance', async (_name, init) => {
  await using client = createClient({ service, source: fixed([origin.server.url]) })
  const outcomes: string[] = []
  client.on('attempt', ({ outcome }) => outcomes.push(outcome))
  const retries = collect(client, 'call:retry')
  origin.play([ok])
  await expect(client('/', init)).rejects.toThrow(TypeError)
  expect(outcomes.filter((outcome) => outcome !== 'ignored')).toEqual([])
  expect(retries).toEqual([])
  expect(await origin.seen()).toEqual([])
})
