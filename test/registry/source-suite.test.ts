import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import type { Instance, Registrar, Source } from '../../src/registry/source.ts'
import { registrarCases, registrarSuite, sourceCases, sourceSuite } from '../../src/testing/source-suite.ts'
import type { RegistrarHarness, SourceHarness, SuiteCase } from '../../src/testing/source-suite.ts'
import { myRegistrar, mySource } from './my-registry.ts'
import { ToyRegistry } from './toy-registry.ts'

describe('MemoryRegistry', () => {
  const registry = new MemoryRegistry({ ttl: 600 })
  sourceSuite(it, memoryHarness())
  registrarSuite(it, {
    bound: 2000,
    registrar: () => registry,
    list: async (service) => registry.discover(service),
    forget: async (service, id) => void registry.deregister(service, id),
  })
})

describe('the source and the registrar of the docs', () => {
  const registry = new ToyRegistry()
  beforeAll(() => registry.start())
  afterAll(() => registry.kill())
  sourceSuite(it, toySourceHarness(registry))
  registrarSuite(it, toyRegistrarHarness(registry))
})

function memoryHarness(wrap: (registry: MemoryRegistry) => Source = (registry) => registry): SourceHarness {
  const registry = new MemoryRegistry()
  const source = wrap(registry)
  return {
    bound: 2000,
    source: () => source,
    set: async (service, instances) => {
      const kept = new Set(instances.map(({ id }) => id))
      for (const { id } of registry.discover(service)) if (!kept.has(id)) registry.deregister(service, id)
      for (const instance of instances) registry.register(service, instance)
    },
  }
}

function toySourceHarness(registry: ToyRegistry): SourceHarness {
  return {
    bound: 2000,
    server: registry,
    source: () => mySource(registry.url, 10, 200),
    sourceAt: (url) => mySource(url, 10, 200),
    set: (service, instances) => registry.set(service, instances),
  }
}

function toyRegistrarHarness(registry: ToyRegistry): RegistrarHarness {
  return {
    bound: 2000,
    server: registry,
    registrar: () => myRegistrar(registry.url, 600),
    registrarAt: (url) => myRegistrar(url),
    list: (service) => registry.list(service),
    forget: (service, id) => registry.forget(service, id),
  }
}

/** The suite is only useful if faulty sources fail it. */
describe('the suite detects', () => {
  const changing = (change: (snapshot: readonly Instance[]) => readonly Instance[]) => (source: Source) => ({
    async *watch(...[service, context]: Parameters<Source['watch']>) {
      for await (const snapshot of source.watch(service, context)) yield change(snapshot)
    },
  })
  const seen = new Map<string, Instance>()

  it.each<[string, (source: Source) => Source, string[]]>([
    [
      'a source that never removes',
      changing((snapshot) => {
        for (const instance of snapshot) seen.set(instance.id + instance.url, instance)
        return snapshot.length > 0 ? [...seen.values()].slice(-3) : snapshot
      }),
      ['an instance that is removed disappears'],
    ],
    [
      'a source that yields only once',
      (source) => ({
        async *watch(service, context) {
          for await (const snapshot of source.watch(service, context)) {
            yield snapshot
            await new Promise((resolve) => {
              context.signal.addEventListener('abort', resolve)
            })
          }
        },
      }),
      ['an instance that is added appears', 'an instance that changes has its new fields'],
    ],
    [
      'a source that loses the weight',
      changing((snapshot) => snapshot.map((instance) => ({ ...instance, weight: 1 }))),
      ['the first snapshot contains the registered instances', 'an instance that changes has its new fields'],
    ],
    [
      'a source that cuts a long list',
      changing((snapshot) => snapshot.slice(0, 500)),
      ['many instances arrive complete'],
    ],
    [
      'a source that has one list for all services',
      (source) => ({ watch: (_service, context) => source.watch('suite', context) }),
      ['ten services at once do not affect each other'],
    ],
    [
      'a source that waits for the first instance',
      (source) => ({
        async *watch(service, context) {
          for await (const snapshot of source.watch(service, context)) if (snapshot.length > 0) yield snapshot
        },
      }),
      ['an unknown service is an empty snapshot', 'the last instance disappears and others appear'],
    ],
    [
      'a source that is deaf to its signal',
      (source) => ({ watch: (service) => source.watch(service, { signal: new AbortController().signal }) }),
      [
        'an abort before the first snapshot ends the watch and leaves nothing behind',
        'an abort while waiting for a change ends the watch and leaves nothing behind',
        'Discovery closes at once, and twice',
      ],
    ],
    [
      'a source that leaves a timer behind',
      (source) => ({
        watch: (service, context) => {
          setTimeout(() => {}, 3000)
          return source.watch(service, context)
        },
      }),
      ['an abort after the first snapshot ends the watch and leaves nothing behind'],
    ],
  ])('%s', async (_name, wrap, expected) => {
    const harness = { ...memoryHarness(wrap), bound: 150 }
    expect(await failing(sourceCases(harness), expected)).toEqual(expected)
  })

  it.each([
    [
      'broken',
      100,
      [
        'a registry that is killed keeps the last known instances in use, and the watch recovers when it is back with its data',
        'a frozen registry is detected, and the watch recovers when it runs again',
        'an HTML page is a failure, not an empty service',
        'status 403 is a failure, not an empty service',
        'a registry that never answers is a failure',
      ],
    ],
    ['slow', 20, ['slow answers are accepted']],
  ])('a source that treats a %s registry as empty', async (_name, timeout, expected) => {
    const registry = new ToyRegistry()
    await registry.start()
    const blind = (url: string): Source => ({
      async *watch(service, context) {
        const iterator = mySource(url, 10, timeout).watch(service, context)
        try {
          yield* iterator
        } catch {
          yield []
        }
      },
    })
    const harness = {
      ...toySourceHarness(registry),
      bound: 250,
      sourceAt: blind,
      source: () => blind(registry.url),
    }
    expect(await failing(sourceCases(harness), expected)).toEqual(expected)
    await registry.kill()
  })

  it.each<[string, number, (registrar: Registrar) => Registrar, string[]]>([
    [
      'a registrar that does not release',
      // Longer than the test waits: the registration must not end by itself.
      2_000,
      changingLease((lease) => ({ ...lease, release: () => {} })),
      [
        'a registered instance is listed, and a released one is not',
        'announce() registers, keeps alive beyond the ttl, and releases',
      ],
    ],
    [
      'a registrar whose heartbeat does nothing',
      200,
      changingLease((lease) => ({ ...lease, renew: () => true })),
      [
        'a second release succeeds, and renew() after a release returns false',
        'a registration lives longer than its ttl while it is renewed, and no longer without',
        'renew() returns false for a lost lease, and the instance can be registered again',
        'announce() registers again when its lease is lost',
      ],
    ],
  ])('%s', async (_name, ttl, wrap, expected) => {
    const registry = new MemoryRegistry({ ttl })
    const harness: RegistrarHarness = {
      bound: 150,
      expiryBound: 300,
      registrar: () => wrap(registry),
      list: async (service) => registry.discover(service),
      forget: async (service, id) => void registry.deregister(service, id),
    }
    expect(await failing(registrarCases(harness), expected)).toEqual(expected)
  })
})

type Lease = Awaited<ReturnType<Registrar['register']>>

function changingLease(change: (lease: Lease) => Lease): (registrar: Registrar) => Registrar {
  return (registrar) => ({
    register: async (service, init, context) => change(await registrar.register(service, init, context)),
  })
}

/** Returns which of the named cases fail. */
async function failing(cases: readonly SuiteCase[], names: readonly string[]): Promise<string[]> {
  const found = cases.filter(({ name }) => names.includes(name))
  const results = await Promise.allSettled(found.map((test) => test.run()))
  return found.filter((_, n) => results[n]?.status === 'rejected').map(({ name }) => name)
}
