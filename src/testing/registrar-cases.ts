import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { systemClock } from '../clock.ts'
import { announce, type Announcement } from '../registry/announce.ts'
import type { Instance, Lease, Registrar, SignalContext } from '../registry/source.ts'
import type { RegistrarHarness, SuiteCase } from './harness.ts'
import {
  BAD_ANSWERS,
  boundOf,
  freshService,
  sameSet,
  someInstances,
  until,
  within,
  withHttpServer,
} from './suite-helpers.ts'

const CONTEXT: SignalContext = { signal: new AbortController().signal }

/** Returns every case as data, for a test runner that {@link registrarSuite} does not support. */
export function registrarCases(harness: RegistrarHarness): SuiteCase[] {
  return [
    ...leaseCases(harness),
    ...forgetCases(harness),
    ...outageCases(harness),
    ...badAnswerCases(harness),
  ]
}

function leaseCases(harness: RegistrarHarness): SuiteCase[] {
  const [one, two] = someInstances(harness, 2) as [Instance, Instance]
  return [
    {
      name: 'a registered instance is listed, and a released one is not',
      run: () =>
        registered(harness, one, async (lease, service) => {
          await lists(harness, service, [one])
          await lease.release(CONTEXT)
          // Within this time, the ttl cannot be the reason that the instance is no longer listed.
          await lists(harness, service, [], Math.min(boundOf(harness), 0.8 * lease.ttl))
        }),
    },
    {
      name: 'a second release succeeds, and renew() after a release returns false',
      run: () =>
        registered(harness, one, async (lease) => {
          await lease.release(CONTEXT)
          await lease.release(CONTEXT)
          assert.equal(await lease.renew(CONTEXT), false)
        }),
    },
    {
      name: 'a registration lives longer than its ttl while it is renewed, and no longer without',
      run: () =>
        registered(harness, one, async (lease, service) => {
          for (let beat = 0; beat < 5; beat++) {
            await systemClock.sleep(lease.ttl / 3)
            assert.equal(await lease.renew(CONTEXT), true, `heartbeat ${beat} found no registration`)
          }
          await lists(harness, service, [one])
          await lists(harness, service, [], lease.ttl + (harness.expiryBound ?? boundOf(harness)))
        }),
    },
    {
      name: 'two instances and two services do not affect each other',
      run: () =>
        registered(harness, one, (lease, service) =>
          registered(harness, one, async (_other, otherService) => {
            const second = await harness.registrar().register(service, two, CONTEXT)
            await lists(harness, service, [one, two])
            await lease.release(CONTEXT)
            await lists(harness, service, [two], boundOf(harness), second)
            await lists(harness, otherService, [one])
            await second.release(CONTEXT)
          }),
        ),
    },
    {
      name: 'an id that is registered twice has one registration, the newer',
      run: () =>
        registered(harness, one, async (older, service) => {
          const moved = { ...one, url: two.url }
          const newer = await harness.registrar().register(service, moved, CONTEXT)
          // A registry that stores both lists the older one until its ttl ends. The newer one must not end with
          // it.
          await lists(harness, service, [moved], boundOf(harness), newer)
          await older.release(CONTEXT)
          // In a registry that identifies a registration by its id alone, the older registrar has removed the
          // newer registration.
          const lease = (await newer.renew(CONTEXT))
            ? newer
            : await harness.registrar().register(service, moved, CONTEXT)
          await lists(harness, service, [moved])
          await lease.release(CONTEXT)
          await lists(harness, service, [])
        }),
    },
    {
      name: 'a registrar can replace its registration of an id by a draining one, and back',
      run: async () => {
        const service = freshService()
        const registrar = harness.registrar()
        const first = await registrar.register(service, one, CONTEXT)
        const leaving = { ...one, draining: true }
        const second = await registrar.register(service, leaving, CONTEXT)
        // The older lease is neither renewed nor released. When its ttl ends, the newer registration must not
        // end with it.
        for (let beat = 0; beat < 5; beat++) {
          await lists(harness, service, [leaving], boundOf(harness), second)
          await systemClock.sleep(first.ttl / 4)
          assert.equal(await second.renew(CONTEXT), true, `heartbeat ${beat} found no registration`)
        }
        await lists(harness, service, [leaving], boundOf(harness), second)
        const third = await registrar.register(service, one, CONTEXT)
        await lists(harness, service, [one], boundOf(harness), third)
        await third.release(CONTEXT)
        await lists(harness, service, [], Math.min(boundOf(harness), 0.8 * third.ttl))
      },
    },
    {
      name: 'announce() registers, keeps alive beyond the ttl, and releases',
      run: () =>
        announced(harness.registrar(), one, async (me, service) => {
          await lists(harness, service, [one])
          const lease = await harness.registrar().register(freshService(), two, CONTEXT)
          await lease.release(CONTEXT)
          await systemClock.sleep(lease.ttl * 1.5)
          await lists(harness, service, [one])
          await me.close()
          await lists(harness, service, [], Math.min(boundOf(harness), 0.5 * lease.ttl))
        }),
    },
  ]
}

function forgetCases(harness: RegistrarHarness): SuiteCase[] {
  if (!harness.forget) return []
  const [one] = someInstances(harness, 1) as [Instance]
  return [
    {
      name: 'renew() returns false for a lost lease, and the instance can be registered again',
      run: () =>
        registered(harness, one, async (lease, service) => {
          await lists(harness, service, [one])
          await harness.forget?.(service, one.id)
          await lists(harness, service, [])
          assert.equal(await lease.renew(CONTEXT), false)
          const again = await harness.registrar().register(service, one, CONTEXT)
          await lists(harness, service, [one])
          await again.release(CONTEXT)
        }),
    },
    {
      name: 'announce() registers again when its lease is lost',
      run: () =>
        announced(harness.registrar(), one, async (_me, service) => {
          await lists(harness, service, [one])
          await harness.forget?.(service, one.id)
          await lists(harness, service, [one])
        }),
    },
  ]
}

function outageCases(harness: RegistrarHarness): SuiteCase[] {
  const { server } = harness
  if (!server) return []
  const [one] = someInstances(harness, 1) as [Instance]
  return [
    {
      name: 'announce() starts while the registry is down, and registers when it is up',
      run: async () => {
        await server.kill()
        let up = false
        try {
          await announced(harness.registrar(), one, async (me, service, errors) => {
            assert.equal(me.registered, false)
            assert.ok(errors.length > 0, 'onError was not called')
            await server.restart({ data: true })
            up = true
            await lists(harness, service, [one])
          })
        } finally {
          if (!up) await server.restart({ data: true })
        }
      },
    },
    {
      name: 'announce() registers again after the registry came back without its data',
      run: () =>
        announced(harness.registrar(), one, async (_me, service) => {
          await lists(harness, service, [one])
          await server.kill()
          await server.restart({ data: false })
          await lists(harness, service, [one])
        }),
    },
  ]
}

function badAnswerCases(harness: RegistrarHarness): SuiteCase[] {
  if (!harness.registrarAt) return []
  const [one] = someInstances(harness, 1) as [Instance]
  return Object.entries(BAD_ANSWERS)
    .filter(([name]) => name.startsWith('status'))
    .map(([name, listener]) => ({
      name: `${name} is an error to register()`,
      run: () =>
        withHttpServer(listener, async (url) => {
          const registering = Promise.resolve().then(() =>
            harness.registrarAt?.(url).register(freshService(), one, CONTEXT),
          )
          await within(boundOf(harness), 'register()', assert.rejects(registering))
        }),
    }))
}

async function registered(
  harness: RegistrarHarness,
  instance: Instance,
  run: (lease: Lease, service: string) => Promise<void>,
): Promise<void> {
  const service = freshService()
  const lease = await harness.registrar().register(service, instance, CONTEXT)
  try {
    await run(lease, service)
  } finally {
    await lease.release(CONTEXT)
  }
}

async function announced(
  registrar: Registrar,
  instance: Instance,
  run: (me: Announcement, service: string, errors: readonly unknown[]) => Promise<void>,
): Promise<void> {
  const service = freshService()
  const errors: unknown[] = []
  const me = await announce(registrar, service, instance, {
    onError: (error) => errors.push(error),
    backoff: { initial: 50, max: 500 },
  })
  try {
    await run(me, service, errors)
  } finally {
    await me.close()
  }
}

/** Resolves once the registry lists exactly the expected instances. Renews `kept` until then, as `announce` does. */
async function lists(
  harness: RegistrarHarness,
  service: string,
  expected: readonly Instance[],
  bound: number = boundOf(harness),
  kept?: Lease,
): Promise<void> {
  let listed: readonly Instance[] = []
  let renewed = systemClock.now()
  await until(
    bound,
    async () => {
      if (kept && systemClock.now() - renewed > kept.ttl / 4) {
        renewed = systemClock.now()
        await kept.renew(CONTEXT)
      }
      listed = await harness.list(service)
      return sameSet(harness, listed, expected)
    },
    () => `expected ${inspect(expected)}, but the registry lists ${inspect(listed)}`,
  )
}
