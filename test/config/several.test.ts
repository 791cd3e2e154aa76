import * as fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient, createFetch, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { watchConfig, type ConfigWatch, type WatchConfigOptions } from '../../src/config.ts'
import { optionsOf, settled, Stub } from './stub.ts'

const service = 'user-service'
const source = fixed(['http://127.0.0.1:9'])

let fleet: Stub
let team: Stub
let refusals: string[]
beforeEach(() => {
  fleet = new Stub('fleet')
  team = new Stub('team')
  refusals = []
})

const watch = (target: Client, stub: Stub, options: WatchConfigOptions = {}): ConfigWatch =>
  watchConfig(target, stub, { onRefused: ({ message }) => refusals.push(message), ...options })

/** The owners of options in events and in `explain()`. */
function told(users: Client): { events: unknown[]; setBy: () => unknown } {
  const events: unknown[] = []
  users.on('config:changed', ({ by, changed }) => events.push([by, changed]))
  return { events, setBy: () => users.explain().setBy }
}

describe('several watches', () => {
  it('the newest watch decides, option by option and route by route, whatever document arrives first', async () => {
    await using users = createClient({ service, source, timeout: 900, retry: { attempts: 2 } })
    const { events, setBy } = told(users)
    watch(users, fleet)
    watch(users, team)
    await team.put({ timeout: 100, routes: { 'GET /a': { timeout: 10 } } })
    await fleet.put({
      timeout: 200,
      hedge: { after: 50 },
      routes: { 'GET /a': { retry: false }, 'GET /b': { retry: false } },
    })
    const both = {
      timeout: 100,
      retry: { attempts: 2 },
      hedge: { after: 50 },
      routes: { 'GET /a': { timeout: 10 }, 'GET /b': { retry: false } },
    }
    expect(optionsOf(users)).toMatchObject(both)
    expect(events).toEqual([
      ['team', ['timeout', "routes['GET /a']"]],
      ['fleet', ['hedge', "routes['GET /b']"]],
    ])
    const owners = {
      timeout: 'team',
      hedge: 'fleet',
      "routes['GET /a']": 'team',
      "routes['GET /b']": 'fleet',
    }
    expect(setBy()).toEqual(owners)
    const lines = String(users.explain()).split('\n')
    expect(lines).toContain("set by team: timeout, routes['GET /a']")
    expect(lines).toContain("set by fleet: hedge, routes['GET /b']")

    await team.put({ routes: { 'GET /b': {} } })
    expect(optionsOf(users)).toMatchObject({ timeout: 200, hedge: { after: 50 } })
    expect(optionsOf(users)['routes']).toEqual({ 'GET /a': { retry: false }, 'GET /b': {} })
    expect(setBy()).toMatchObject({ timeout: 'fleet', "routes['GET /b']": 'team' })
    await fleet.put({})
    expect(optionsOf(users)).toMatchObject({ timeout: 900, retry: { attempts: 2 } })
    expect(optionsOf(users)).not.toHaveProperty('hedge')
    expect(setBy()).toEqual({ "routes['GET /b']": 'team' })
    await team.put({})
    expect(users.explain()).not.toHaveProperty('setBy')
    expect(refusals).toEqual([])
  })

  it('when a newer one closes, the older values return; what no other watch sets stays', async () => {
    await using users = createClient({ service, source, timeout: 900 })
    const { events, setBy } = told(users)
    watch(users, fleet)
    const later = watch(users, team)
    await fleet.put({ timeout: 200, budget: { ratio: 0.2 } })
    await team.put({ timeout: 100, retry: false })
    events.length = 0
    await later.close()
    expect(optionsOf(users)).toMatchObject({ timeout: 200, retry: false, budget: { ratio: 0.2 } })
    expect(events).toEqual([['fleet', ['timeout']]])
    expect(setBy()).toEqual({ timeout: 'fleet', budget: 'fleet' })
    await later.close()
    await fleet.put({ budget: { ratio: 0.2 } })
    expect(optionsOf(users)).toMatchObject({ timeout: 900, retry: false })
  })

  it('when an older one closes, also by its signal, the newer values stay', async () => {
    await using users = createClient({ service, source, timeout: 900 })
    const abort = new AbortController()
    watch(users, fleet, { signal: abort.signal })
    watch(users, team)
    await fleet.put({ timeout: 200, retry: false })
    await team.put({ timeout: 100 })
    abort.abort()
    expect(optionsOf(users)).toMatchObject({ timeout: 100, retry: false })
    await team.put({})
    expect(optionsOf(users)).toMatchObject({ timeout: 900, retry: false })
  })

  it('hidden values are checked too: an invalid document is refused completely', async () => {
    await using users = createClient({ service, source, timeout: 900 })
    watch(users, fleet)
    const later = watch(users, team)
    await team.put({ timeout: 100 })
    await fleet.put({ timeout: 'soon', retry: false })
    expect(refusals).toEqual([expect.stringContaining('timeout must be')])
    expect(optionsOf(users)).not.toHaveProperty('retry')
    await fleet.put({ timeout: 200, retry: false })
    expect(optionsOf(users)).toMatchObject({ timeout: 100, retry: false })
    await later.close()
    expect(optionsOf(users)).toMatchObject({ timeout: 200 })
  })

  it('invalid combinations are refused; if closing a watch would cause one, all values stay', async () => {
    const transport = (): never => {
      throw new Error('never')
    }
    await using users = createClient({ service, source })
    watch(users, fleet)
    const later = watch(users, team)
    const mirror = { to: { version: 'v2' } }
    await fleet.put({ mirror, timeout: 200 })
    await team.put({ mirror: false, timeout: 100 })
    // Code may change an option that is only valid together with the values in force.
    users.update({ transport })
    await later.close()
    expect(refusals).toEqual([expect.stringContaining('mirror cannot be used with a function as transport')])
    expect(optionsOf(users)).toMatchObject({ mirror: false, timeout: 100 })
    users.update({ transport: undefined })
    await fleet.put({ mirror, timeout: 300 })
    expect(optionsOf(users)).toMatchObject({ mirror, timeout: 300 })
  })

  it('values that code sets afterwards stay, whatever other documents do', async () => {
    await using users = createClient({ service, source, timeout: 900 })
    watch(users, fleet)
    const later = watch(users, team)
    await fleet.put({ timeout: 200 })
    await team.put({ timeout: 100 })
    users.update({ timeout: 700 }, { by: 'ops' })
    expect(users.explain()).not.toHaveProperty('setBy')
    await fleet.put({ timeout: 250, retry: false })
    expect(optionsOf(users)).toMatchObject({ timeout: 700, retry: false })
    await later.close()
    expect(optionsOf(users)['timeout']).toBe(700)
    await fleet.put({ timeout: 300 })
    expect(optionsOf(users)['timeout']).toBe(300)
    await fleet.put({})
    expect(optionsOf(users)['timeout']).toBe(700)
  })

  it('a listener may end a watch, start one, and call update() during a change', async () => {
    await using users = createClient({ service, source, timeout: 900 })
    watch(users, fleet)
    const later = watch(users, team)
    const third = new Stub('third')
    await fleet.put({ timeout: 200, retry: false })
    let ended: Promise<void> | undefined
    users.on('config:changed', ({ by }) => {
      if (by !== 'team' || ended) return
      ended = later.close()
      watch(users, third)
      users.update({ retry: { attempts: 3 } })
    })
    await team.put({ timeout: 100 })
    await ended
    expect(optionsOf(users)).toMatchObject({ timeout: 200, retry: { attempts: 3 } })
    await third.put({ timeout: 50 })
    await fleet.put({})
    expect(optionsOf(users)).toMatchObject({ timeout: 50, retry: { attempts: 3 } })
    await third.put({})
    expect(optionsOf(users)['timeout']).toBe(900)
  })

  it('works for defaults and services of an application, whose clients report the owner of each option', async () => {
    await using app = createFetch({
      source,
      defaults: { timeout: 900 },
      services: { [service]: { retry: false }, other: {} },
    })
    const users = app.client(service)
    watchConfig(app, fleet)
    const later = watchConfig(app, team)
    watchConfig(users, new Stub('own'))
    await team.put({ services: { [service]: { timeout: 100 } } })
    await fleet.put({ defaults: { timeout: 200 }, services: { [service]: { timeout: 150 }, other: {} } })
    expect(optionsOf(users)['timeout']).toBe(100)
    expect(optionsOf(app.client('other'))['timeout']).toBe(200)
    expect(app.explain(`http://${service}/`).setBy).toEqual({
      defaults: 'fleet',
      "services['user-service']": 'team',
    })
    expect(app.client('other').explain().setBy).toEqual({ defaults: 'fleet', "services['other']": 'fleet' })
    await later.close()
    expect(optionsOf(users)['timeout']).toBe(150)
    await fleet.put({})
    expect(optionsOf(users)).toMatchObject({ timeout: 900, retry: false })
    await app.close()
    await fleet.put({ defaults: { timeout: 5 } })
  })

  it('all end when the client closes, and change nothing', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const users = createClient({ service, source })
      watchConfig(users, fleet)
      const later = watchConfig(users, team)
      await fleet.put({ timeout: 200 })
      await team.put({ timeout: 100 })
      const changed = vi.fn<() => void>()
      users.on('config:changed', changed)
      await users.close()
      await later.close()
      await settled()
      expect([fleet, team].map(({ signal }) => signal?.aborted)).toEqual([true, true])
      expect(changed).not.toHaveBeenCalled()
      expect(warned).not.toHaveBeenCalled()
    } finally {
      warned.mockRestore()
    }
  })
})

type Values = Record<string, unknown>
type Step =
  | { readonly do: 'put'; readonly watch: number; readonly document: Values }
  | { readonly do: 'update'; readonly values: Values }
  | { readonly do: 'close'; readonly watch: number }

/** A simple model that stores each option and each route separately. */
class Model {
  readonly code: Values
  readonly now: Values
  /** Undefined after the watch has ended. */
  readonly documents: (Values | undefined)[]
  /** Values that code has set while a document set them. */
  readonly #since = new Set<string>()

  constructor(code: Values, watches: number) {
    this.code = { ...code }
    this.now = { ...code }
    this.documents = Array.from({ length: watches }, () => ({}))
  }

  #who(name: string): number {
    return this.documents.findLastIndex((document) => document !== undefined && name in document)
  }

  put(watch: number, next: Values): void {
    const last = this.documents[watch]
    if (!last || Object.values(next).some((value) => value === 'wrong')) return
    for (const name of new Set([...Object.keys(last), ...Object.keys(next)])) {
      const before = this.#who(name)
      this.documents[watch] = name in next ? { ...last, [name]: next[name] } : without(last, name)
      const after = this.#who(name)
      this.documents[watch] = last
      if (after === watch) {
        this.#since.delete(name)
        this.now[name] = next[name]
      } else if (before === watch && !this.#since.has(name)) {
        this.now[name] = after < 0 ? this.code[name] : this.documents[after]?.[name]
      }
      if (after < 0) this.#since.delete(name)
    }
    this.documents[watch] = next
  }

  update(values: Values): void {
    for (const [name, value] of Object.entries(values)) {
      this.code[name] = this.now[name] = value
      if (this.#who(name) >= 0) this.#since.add(name)
    }
  }

  close(watch: number): void {
    const last = this.documents[watch]
    for (const name of Object.keys(last ?? {})) {
      const before = this.#who(name)
      this.documents[watch] = undefined
      const after = this.#who(name)
      this.documents[watch] = last
      if (after < 0) {
        this.code[name] = this.now[name]
        this.#since.delete(name)
      } else if (before === watch && !this.#since.has(name)) this.now[name] = this.documents[after]?.[name]
    }
    this.documents[watch] = undefined
  }
}

function without(values: Values, name: string): Values {
  const { [name]: _gone, ...others } = values
  return others
}

const ROUTES = ['GET /a', 'GET /b', '__proto__x']
/** Turns `{ timeout: 1, 'GET /a': 2 }` into options. */
function asOptions(values: Values): Values {
  const value = (time: unknown): unknown => (time === 'wrong' ? 'soon' : time)
  const routes = Object.entries(values)
    .filter(([name]) => ROUTES.includes(name))
    .map(([name, time]) => [name, time === undefined ? undefined : { timeout: value(time) }])
  const others = Object.entries(values)
    .filter(([name]) => !ROUTES.includes(name))
    .map(([name, time]) => [name, value(time)])
  return {
    ...Object.fromEntries(others),
    ...(routes.length > 0 && { routes: Object.fromEntries(routes) as unknown }),
  }
}

it(
  'after any sequence of documents, updates and ends, each option has the value of a simple model',
  { timeout: 120_000 },
  async () => {
    const names = ['timeout', 'emptyGrace', 'GET /a', 'GET /b']
    const values = (time: fc.Arbitrary<unknown>): fc.Arbitrary<Values> =>
      fc.dictionary(fc.constantFrom(...names), time, { maxKeys: 4, noNullPrototype: true })
    const watches = fc.integer({ min: 0, max: 2 })
    // Code sets other values than documents, so that the test can distinguish them.
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({
        do: fc.constant('put' as const),
        watch: watches,
        document: values(fc.constantFrom<unknown>(1, 2, 3, 'wrong')),
      }),
      fc.record({
        do: fc.constant('update' as const),
        values: values(fc.constantFrom<unknown>(71, 72, undefined)),
      }),
      fc.record({ do: fc.constant('close' as const), watch: watches }),
    )
    await fc.assert(
      fc.asyncProperty(
        values(fc.constantFrom(81, 82)),
        fc.array(step, { maxLength: 12 }),
        async (own, steps) => {
          const given = { service, source, ...asOptions(own) } as ClientOptions
          await using users = createClient(given)
          const stubs = ['a', 'b', 'c'].map((name) => new Stub(name))
          const configs = stubs.map((each) => watchConfig(users, each, { onRefused: () => {} }))
          const model = new Model(own, stubs.length)
          const texts: string[] = []
          for (const each of steps) {
            if (each.do === 'put') {
              const text = JSON.stringify(asOptions(each.document))
              await stubs[each.watch]!.put(asOptions(each.document))
              // The same text again is not a change: a source that reconnects must not undo what code has set
              // since.
              if (texts[each.watch] !== text) model.put(each.watch, each.document)
              texts[each.watch] = text
            } else if (each.do === 'update') {
              users.update(asOptions(each.values))
              model.update(each.values)
            } else {
              await configs[each.watch]!.close()
              model.close(each.watch)
            }
            const { timeout, emptyGrace, routes = {} } = optionsOf(users)
            const { timeout: total, emptyGrace: grace, routes: rules = {} } = asOptions(model.now)
            expect({ timeout, emptyGrace }).toEqual({ timeout: total, emptyGrace: grace })
            expect(routes).toEqual(JSON.parse(JSON.stringify(rules)))
          }
        },
      ),
      {
        numRuns: 150,
        examples: [
          [
            {},
            [
              { do: 'put', watch: 2, document: { 'GET /b': 2 } },
              { do: 'update', values: { 'GET /b': 71 } },
              { do: 'put', watch: 2, document: { 'GET /b': 2 } },
            ],
          ],
        ],
      },
    )
  },
)
