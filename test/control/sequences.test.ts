import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createClient,
  type Client,
  type ClientOptions,
  type ClientUpdate,
  type Instance,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { HandSource } from '../support/source.ts'

type Hand = 'isolate' | 'drain' | 'weigh'
type Step =
  | { readonly update: ClientUpdate }
  | { readonly list: readonly Instance[] }
  | { readonly hand: Hand; readonly id: string; readonly weight: number }
  | { readonly back: 'restore' | 'reset'; readonly id: string }

const IDS = ['a', 'b', 'c', 'd']
const instance = (id: string, more: Partial<Instance> = {}): Instance => ({
  id,
  url: `http://127.0.0.1:${9000 + id.charCodeAt(0)}`,
  ...more,
})

const id = fc.constantFrom(...IDS)
const list = fc.uniqueArray(
  fc.record({
    id,
    version: fc.constantFrom('v1', 'v2'),
    draining: fc.constantFrom(false, false, true),
    weight: fc.constantFrom(1, 2, 0),
  }),
  { minLength: 1, selector: (each) => each.id },
)
const traffic = fc.constantFrom<NonNullable<ClientUpdate['traffic']>>(
  false,
  [{ to: { version: 'v2' } }],
  [{ to: { version: 'v2' }, share: 0 }],
)
const rule = fc.record(
  { timeout: fc.constantFrom(5, 6), breaker: fc.constantFrom(false as const, {}), traffic },
  { requiredKeys: [] },
)
const update: fc.Arbitrary<ClientUpdate> = fc.record(
  {
    timeout: fc.constantFrom(undefined, 100, 200),
    retry: fc.constantFrom(undefined, false as const, { attempts: 2 }),
    breaker: fc.constantFrom(undefined, false as const, { failureThreshold: 2 }),
    limit: fc.constantFrom(undefined, 5, { perInstance: 3 }),
    panicThreshold: fc.constantFrom(undefined, 0.5),
    traffic: fc.option(traffic, { nil: undefined }),
    routes: fc.dictionary(fc.constantFrom('GET /a', 'GET /b'), fc.option(rule, { nil: undefined })),
  },
  { requiredKeys: [] },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  update.map((each) => ({ update: each })),
  list.map((each) => ({
    list: each.map(({ id: own, version, ...more }) => instance(own, { ...more, metadata: { version } })),
  })),
  fc.record({
    hand: fc.constantFrom<Hand>('isolate', 'drain', 'weigh'),
    id,
    weight: fc.constantFrom(0, 1, 7),
  }),
  fc.record({ back: fc.constantFrom('restore' as const, 'reset' as const), id }),
)

const routed = ['/a', '/b', '/other']

/** The visible state of a client, without its counters. */
function stateOf(client: Client): unknown {
  const { traffic: rules, ...snapshot } = client.snapshot()
  return JSON.parse(
    JSON.stringify({
      snapshot: { ...snapshot, routeTraffic: undefined },
      rules: rules?.map(({ to, share, instances }) => [to, share, instances]),
      explained: routed.map((path) => client.explain(path)),
    }),
  )
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await turn()
}

function act(client: Client, { hand, id: own, weight }: Extract<Step, { hand: Hand }>): void {
  if (hand === 'weigh') client.weigh(own, weight)
  else client[hand](own)
}

async function start(options: Partial<ClientOptions>): Promise<{ client: Client; source: HandSource }> {
  const source = new HandSource()
  const client = createClient({ service: 'svc', source, clock: new ManualClock(), ...options })
  // An instance that no step changes, so that any other may be isolated.
  source.push(...[...IDS, 'z'].map((each) => instance(each)))
  await client.ready()
  return { client, source }
}

test('any updates, hand actions and snapshots lead to the state of a new client with the final ones', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { client, source } = await start({})
      let options: Partial<ClientOptions> = {}
      let latest: readonly Instance[] = [...IDS, 'z'].map((each) => instance(each))
      /** The last action of each kind, by instance. */
      const marks = new Map<string, Map<Hand, Extract<Step, { hand: Hand }>>>()
      for (const each of steps) {
        if ('update' in each) {
          const routes = { ...options.routes, ...each.update.routes }
          client.update(each.update)
          options = without({ ...options, ...each.update, routes: without(routes) }) as Partial<ClientOptions>
        } else if ('list' in each) {
          latest = each.list
          source.push(...each.list)
          await settled()
        } else {
          // The id is unknown, or no other instance is left: nothing changes.
          try {
            if ('hand' in each) act(client, each)
            else client[each.back](each.id)
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError)
            continue
          }
          if ('hand' in each) {
            const own = marks.get(each.id) ?? new Map<Hand, typeof each>()
            marks.set(each.id, own.set(each.hand, each))
          } else marks.delete(each.id)
        }
      }
      const fresh = await start(options)
      for (const own of marks.values()) for (const each of own.values()) act(fresh.client, each)
      fresh.source.push(...latest)
      await settled()
      expect(stateOf(client)).toEqual(stateOf(fresh.client))
      await client.close()
      await fresh.client.close()
    }),
    { numRuns: 150 },
  )
}, 60_000)

function without<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T
}
