import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createClient, fixed, type ClientOptions } from '../../src/index.ts'

const good: ClientOptions = { service: 'user-service', source: fixed([]) }

describe('createClient throws for', () => {
  it.each<[string, unknown, new () => Error, string]>([
    ['no options', undefined, TypeError, 'createClient()'],
    ['an unknown option', { retries: 3 }, TypeError, 'retries'],
    ['no service', { service: undefined }, TypeError, 'service'],
    [
      'an empty service',
      { service: '' },
      TypeError,
      "service must be a host name such as 'user-service', got ''",
    ],
    ['a service that is a URL', { service: 'http://user-service' }, TypeError, 'http://user-service'],
    ['a service with a path', { service: 'user-service/v1' }, TypeError, 'user-service/v1'],
    ['a service with an impossible port', { service: 'user-service:99999' }, TypeError, '99999'],
    ['no source', { source: undefined }, TypeError, 'source must have a method watch()'],
    [
      'a list as the source',
      { source: ['http://a'] },
      TypeError,
      "source must have a method watch(): write fixed([…]) for a list, got [ 'http://a' ]",
    ],
    [
      'a source not called',
      { source: fixed },
      TypeError,
      'source must have a method watch(): call fixed(), got',
    ],
    ['a balancer without pick', { balance: {} }, TypeError, 'balance must have a method pick()'],
    ['a balancer’s name', { balance: 'round-robin' }, TypeError, 'balance'],
    ['breaker: true', { breaker: true }, TypeError, 'breaker must be an object, got true'],
    ['a threshold of nothing', { breaker: { failureThreshold: 0 } }, RangeError, 'breaker.failureThreshold'],
    [
      'a threshold in words',
      { breaker: { failureThreshold: '5' } },
      TypeError,
      "breaker.failureThreshold must be a number, got '5'",
    ],
    ['a misspelt breaker option', { breaker: { treshold: 5 } }, TypeError, 'breaker.treshold'],
    ['no attempts', { retry: { attempts: 0 } }, RangeError, 'retry.attempts'],
    ['half an attempt', { retry: { attempts: 1.5 } }, RangeError, 'retry.attempts'],
    [
      'retry: true',
      { retry: true },
      TypeError,
      'retry must be an object such as { attempts: 3 }, or false, got true',
    ],
    ['a negative backoff', { retry: { backoff: -1 } }, RangeError, 'retry.backoff'],
    [
      'a backoff without end',
      { retry: { backoff: { initial: 100, max: 10 } } },
      RangeError,
      'retry.backoff.max',
    ],
    ['hedge: 0', { hedge: 0 }, TypeError, 'hedge must be an object, got 0'],
    ['stale: the empty text', { stale: '' }, TypeError, "stale must be an object, got ''"],
    ['throttle: null', { throttle: null }, TypeError, 'throttle must be an object, got null'],
    ['limit: null', { limit: null }, TypeError, 'got null'],
    [
      'panicThreshold: null',
      { panicThreshold: null },
      TypeError,
      'panicThreshold must be a number, got null',
    ],
    ['drainTimeout: null', { drainTimeout: null }, TypeError, 'drainTimeout must be a number, got null'],
    ['a route’s hedge: null', { routes: { 'GET /': { hedge: null } } }, TypeError, "routes['GET /'].hedge"],
    ['a timeout of nothing', { timeout: 0 }, RangeError, 'timeout'],
    ['a timeout that is no number', { timeout: Number.NaN }, RangeError, 'timeout'],
    ['timeout: true', { timeout: true }, TypeError, 'timeout'],
    ['a negative attempt timeout', { timeout: { attempt: -1 } }, RangeError, 'timeout.attempt'],
    ['an unknown timeout', { timeout: { headers: 1 } }, TypeError, 'timeout.headers'],
    ['a budget ratio below zero', { budget: { ratio: -0.1 } }, RangeError, 'budget.ratio'],
    ['classify that is no function', { classify: {} }, TypeError, 'classify must be a function, got {}'],
    [
      'a panic threshold above 1',
      { panicThreshold: 50 },
      RangeError,
      'panicThreshold must be a number >= 0 and <= 1, got 50',
    ],
    ['a negative drain timeout', { drainTimeout: -1 }, RangeError, 'drainTimeout'],
    ['a negative grace', { emptyGrace: -1 }, RangeError, 'emptyGrace'],
    [
      'a clock that cannot sleep',
      { clock: { now: () => 0, random: () => 0 } },
      TypeError,
      'clock must have a method sleep()',
    ],
    ['a transport that is no object', { transport: 5 }, TypeError, 'transport'],
    [
      'a transport that undici’s pool would not take',
      { transport: { connections: -1 } },
      TypeError,
      'transport: ',
    ],
    [
      'a transport that undici’s client would not take',
      { transport: { headersTimeout: -1 } },
      TypeError,
      'transport: headersTimeout must be a positive integer',
    ],
    ['a service that JSON cannot say', { service: 10n }, TypeError, 'got 10n'],
    ['routes in a Map', { routes: new Map() }, TypeError, 'routes must be an object, got Map(0) {}'],
    ['routes: null', { routes: null }, TypeError, 'routes must be an object, got null'],
    [
      'a promise nobody awaited',
      { breaker: Promise.resolve({}) },
      TypeError,
      'breaker must be an object, got Promise',
    ],
    ['balance: null', { balance: null }, TypeError, 'balance'],
    ['budget: null', { budget: null }, TypeError, 'budget must be an object, got null'],
    ['outliers: 0', { outliers: 0 }, TypeError, 'outliers must be an object, got 0'],
    ['a misspelt limit', { limit: { perInstance: 5, queu: 3 } }, TypeError, 'limit.queu'],
    [
      'limit.perInstance: null',
      { limit: { perInstance: null } },
      TypeError,
      'limit.perInstance must be a number, got null',
    ],
    ['a list as limit', { limit: [] }, TypeError, 'limit must be an object, got []'],
    [
      'a route’s limit for each instance',
      { routes: { 'GET /': { limit: { perInstance: 5 } } } },
      TypeError,
      "routes['GET /'].limit.perInstance is not an option",
    ],
    ['no responses', { routes: { 'GET /': { responses: null } } }, TypeError, "routes['GET /'].responses"],
    [
      'a clock that tells the time later',
      { clock: { ...systemClock, now: () => Promise.reject(new Error('a bug')) } },
      TypeError,
      'clock.now() must return a finite number, got Promise',
    ],
    [
      'a clock whose timer is none',
      { clock: { ...systemClock, timer: 5 } },
      TypeError,
      'clock must have a method timer()',
    ],
    [
      'a clock’s epoch in words',
      { clock: { ...systemClock, epoch: 'x' } },
      TypeError,
      'clock.epoch must be a number',
    ],
    [
      'one header for two numbers',
      { attemptHeader: 'x-Call', deadline: { header: 'X-call' } },
      TypeError,
      "attemptHeader and deadline.header must differ, got 'x-Call' for both",
    ],
    ['routes that are a list', { routes: [] }, TypeError, 'routes'],
    ['a route that is no key', { routes: { users: {} } }, TypeError, 'users'],
    ['a route with an unbalanced brace', { routes: { 'GET /users/{id': {} } }, TypeError, 'GET /users/{id'],
    [
      'the same route twice',
      { routes: { 'GET /users/{id}': {}, 'GET /users/{name}': {} } },
      TypeError,
      'GET /users/{name}',
    ],
    ['a rule that is no object', { routes: { 'GET /users': 5 } }, TypeError, "routes['GET /users']"],
    ['an unknown rule', { routes: { 'GET /users': { cache: 1 } } }, TypeError, "routes['GET /users'].cache"],
    [
      'a bad breaker in a rule',
      { routes: { 'GET /users': { breaker: { openFor: 0 } } } },
      RangeError,
      "routes['GET /users'].breaker.openFor",
    ],
    [
      'a bad timeout in a rule',
      { routes: { 'GET /users': { timeout: -5 } } },
      RangeError,
      "routes['GET /users'].timeout",
    ],
    [
      'a bad retry in a rule',
      { routes: { 'GET /users': { retry: { attempts: -5 } } } },
      RangeError,
      "routes['GET /users'].retry.attempts",
    ],
    [
      'a bad classify in a rule',
      { routes: { 'GET /users': { classify: 1 } } },
      TypeError,
      "routes['GET /users'].classify",
    ],
  ])('%s', (_name, bad, type, message) => {
    const make = (): unknown =>
      createClient((bad === undefined ? bad : { ...good, ...(bad as object) }) as ClientOptions)
    expect(make).toThrow(type)
    expect(make).toThrow(message)
  })

  it('invalid options before it starts to watch the source', () => {
    let watches = 0
    const source = {
      watch: () => {
        watches++
        throw new Error('watched')
      },
    }
    expect(() => createClient({ ...good, source, timeout: -1 })).toThrow(RangeError)
    expect(watches).toBe(0)
  })
})

describe('createClient accepts', () => {
  it.each<[string, Partial<ClientOptions>]>([
    ['no retries at all', { retry: false }],
    ['one attempt', { retry: { attempts: 1 } }],
    ['no timeouts at all', { timeout: false }],
    ['timeouts without end', { timeout: { total: Infinity, attempt: Infinity } }],
    ['no breaker', { breaker: false }],
    ['a service with a port', { service: 'user-service:8080' }],
    ['a service with dots', { service: 'user.default.svc' }],
    ['no drain time', { drainTimeout: 0 }],
    ['a function as the balancer', { balance: (endpoints) => endpoints[0] }],
  ])('%s', async (_name, options) => {
    await using client = createClient({ ...good, ...options })
    expect(client.snapshot().service).toBe(options.service ?? 'user-service')
  })
})

describe('a client throws for', () => {
  const client = createClient(good)
  const on = client.on.bind(client) as (name: string, listener: () => void) => unknown

  it('a listener for an unknown event', () => {
    expect(() => on('breaker:opened', () => {})).toThrow(
      /the event must be one of breaker:open, .*, got 'breaker:opened'/,
    )
    expect(() => on('toString', () => {})).toThrow(TypeError)
  })

  it.each<[string, unknown, string]>([
    ['an option of execute() there is not', { retries: 3 }, "execute()'s options.retries is not an option"],
    ['null for the options of execute()', null, "execute()'s options must be an object, got null"],
  ])('%s', async (_what, given, message) => {
    await expect(client.execute(() => 1, given as object)).rejects.toThrow(message)
  })
})
