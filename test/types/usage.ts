/**
 * What must compile and what must not, for those who use the package: checked by types.test.ts against the emitted
 * declarations, once with lib.dom and once without.
 */
import {
  CircuitBreaker,
  createClient,
  createFetch,
  fixed,
  leastRequest,
  MemoryRegistry,
  NoInstanceError,
  roundRobin,
  type Balancer,
  type Client,
  type Source,
} from 'outrigger'

declare const users: Client
declare const source: Source

// Assignable to fetch, both ways it is written down.
export const asFetch: typeof fetch = users
export const asGlobalFetch: typeof globalThis.fetch = users
globalThis.fetch = users
globalThis.fetch = createFetch({ services: { 'user-service': users }, otherwise: 'deny' })

export class Sdk {
  readonly fetch: typeof fetch
  constructor(options: { fetch?: typeof fetch }) {
    this.fetch = options.fetch ?? fetch
  }
}
export const sdk: Sdk = new Sdk({ fetch: users })

// Callable as fetch is.
export const responses: Promise<Response>[] = [
  users('/users/42'),
  users(new URL('http://user-service/')),
  users(new Request('http://user-service/')),
  users('/users', { method: 'POST', body: new FormData(), signal: AbortSignal.timeout(5) }),
  users('/users', { method: 'POST', body: new URLSearchParams(), headers: new Headers() }),
  users('/users', { method: 'POST', body: new Blob([]), headers: [['a', 'b']] }),
  users('/users', { method: 'POST', body: new ReadableStream(), duplex: 'half' }),
  users('/users', { method: 'POST', body: new Uint8Array(1) }),
  users('/users', { method: 'POST', body: () => new ReadableStream() }),
  users('/users', { method: 'POST', json: { a: 1 } }),
  users('GET /users/{id}', { params: { id: 42 }, query: { page: 2, tags: ['a'] } }),
]

const strategy: Balancer = { pick: (endpoints) => endpoints[0] }

export const clients: Client[] = [
  createClient({ service: 'a', source }),
  createClient({ service: 'a', source: fixed(['http://a:1', { url: 'http://b:1', weight: 2 }]) }),
  createClient({ service: 'a', source: new MemoryRegistry({ ttl: 5 }), balance: roundRobin() }),
  createClient({ service: 'a', source, balance: strategy }),
  createClient({ service: 'a', source, balance: (endpoints) => endpoints[0] }),
  createClient({ service: 'a', source, balance: leastRequest({ choices: 3 }) }),
  createClient({ service: 'a', source, breaker: false, retry: false, timeout: false }),
  createClient({
    service: 'a',
    source,
    breaker: { failureThreshold: 5, successThreshold: 3, openFor: 60_000 },
    timeout: { attempt: 300, total: 1000 },
    retry: { attempts: 3, backoff: { initial: 10, max: 100 } },
    routes: { 'GET /users/{id}': { timeout: 300 }, 'GET /reports/**': { breaker: false } },
    classify: ({ status }) => (status === 404 ? 'failure' : undefined),
    transport: { connections: 10, allowH2: true },
  }),
]

// Results and events carry their own types.
export const executed: Promise<number> = users.execute(({ url }, { attempt }) => url.length + attempt)
export const requested: Promise<number> = users.request('/').then(({ statusCode }) => statusCode)
users
  .on('breaker:open', ({ instance, reason, openFor }) => [instance.id, reason, openFor.toFixed()])
  .once('attempt', ({ outcome, duration }) => [outcome === 'success', duration.toFixed()])
  .on('source:stale', ({ error }) => error instanceof NoInstanceError && error.code)
  .off('attempt')
export const breaker: CircuitBreaker = new CircuitBreaker({ failureThreshold: 3 })
breaker.on('open', ({ openFor }) => openFor.toFixed())

export async function disposed(): Promise<void> {
  await using client = createClient({ service: 'a', source })
  await client.ready()
}

// @ts-expect-error a service is needed
createClient({ source })
// @ts-expect-error a source is needed
createClient({ service: 'a' })
// @ts-expect-error a misspelt option
createClient({ service: 'a', source, retries: 3 })
// @ts-expect-error a list is not a source
createClient({ service: 'a', source: ['http://a'] })
// @ts-expect-error true is not a breaker
createClient({ service: 'a', source, breaker: true })
// @ts-expect-error a misspelt breaker option
createClient({ service: 'a', source, breaker: { treshold: 3 } })
// @ts-expect-error a threshold is a number
createClient({ service: 'a', source, breaker: { failureThreshold: '3' } })
// @ts-expect-error true is not a policy
createClient({ service: 'a', source, retry: true })
// @ts-expect-error a number of tries is retry.attempts
createClient({ service: 'a', source, retry: 3 })
// @ts-expect-error a misspelt timeout
createClient({ service: 'a', source, timeout: { totl: 3 } })
// @ts-expect-error a strategy is no name
createClient({ service: 'a', source, balance: 'round-robin' })
// @ts-expect-error a strategy gives an endpoint
createClient({ service: 'a', source, balance: () => 'http://a' })
// @ts-expect-error a misspelt rule
createClient({ service: 'a', source, routes: { 'GET /': { breakr: false } } })
// @ts-expect-error an outcome that there is not
createClient({ service: 'a', source, classify: () => 'good' })
// @ts-expect-error undefined is not the same as left out
createClient({ service: 'a', source, drainTimeout: undefined })
// @ts-expect-error an instance has a url
fixed([{ id: 'a' }])
// @ts-expect-error an event that there is not
users.on('breaker:opened', () => {})
// @ts-expect-error a field that the event has not
users.on('breaker:open', ({ nothing }) => nothing)
// @ts-expect-error createFetch takes clients
createFetch({ services: { a: fetch } })
// @ts-expect-error pass or deny
createFetch({ services: {}, otherwise: 'allow' })
// @ts-expect-error a parameter is a value
void users('GET /users/{id}', { params: { id: {} } })
// @ts-expect-error a snapshot is not to be changed
users.snapshot().instances = []
