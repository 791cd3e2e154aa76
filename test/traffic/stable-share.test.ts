import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createClient, MemoryRegistry, roundRobin, type Client, type TrafficRule } from '../../src/index.ts'

// A user stays on one side of a share, while instances of both sides come and go, the client is made anew, and the
// share grows.

const service = 'user-service'

const rollout = (share: number, key: () => string): TrafficRule[] => [{ to: { version: 'v2' }, share, key }]

interface Step {
  /** The current instances of each version. The canary may have none. */
  readonly stable: readonly number[]
  readonly canary: readonly number[]
  readonly share: number
  /** Restarts the application. */
  readonly isRestarted: boolean
}

const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.record({
      stable: fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 5 }),
      canary: fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
      share: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      isRestarted: fc.boolean(),
    }),
    { minLength: 2, maxLength: 8 },
  )
  // In a rollout the share only grows.
  .map((each) => {
    const shares = each.map(({ share }) => share).toSorted((a, b) => a - b)
    return each.map((step, index) => ({ ...step, share: shares[index] ?? 1 }))
  })

it('a user on the canary stays there while the share grows, and returns to it when it returns', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 5, maxLength: 30 }),
      async (given, users) => {
        const registry = new MemoryRegistry({ ttl: Infinity })
        let user = ''
        const known = new Set<string>()
        const apply = ({ stable, canary }: Step): void => {
          const now = [...stable.map((id) => `v1-${id}`), ...canary.map((id) => `v2-${id}`)]
          for (const id of now) {
            registry.register(service, {
              id,
              url: `http://127.0.0.1:${id.startsWith('v1') ? 10 : 20}0${id.slice(3)}`,
              metadata: { version: id.slice(0, 2) },
            })
          }
          for (const id of known) if (!now.includes(id)) registry.deregister(service, id)
          known.clear()
          for (const id of now) known.add(id)
        }
        const start = (share: number): Client =>
          createClient({
            service,
            source: registry,
            balance: roundRobin(),
            traffic: rollout(share, () => user),
          })
        const sideOf = (client: Client, name: string): Promise<unknown> => {
          user = name
          return client.execute(({ metadata }) => metadata?.['version'])
        }
        let client: Client | undefined
        const chosen = new Set<string>()
        try {
          for (const step of given) {
            apply(step)
            if (client && step.isRestarted) {
              await client.close()
              client = undefined
            }
            if (client) client.update({ traffic: rollout(step.share, () => user) })
            else client = start(step.share)
            await client.ready()
            // The watch reports the change asynchronously.
            await expect.poll(() => client?.snapshot().instances.length, { interval: 1 }).toBe(known.size)
            const sides = await Promise.all([...users, ...users].map((name) => sideOf(client!, name)))
            expect(sides.slice(users.length)).toEqual(sides.slice(0, users.length))
            for (const [index, name] of users.entries()) {
              if (step.canary.length === 0) expect([name, sides[index]]).toEqual([name, 'v1'])
              else if (chosen.has(name)) expect([name, sides[index]]).toEqual([name, 'v2'])
              if (sides[index] === 'v2') chosen.add(name)
            }
          }
        } finally {
          await client?.close()
        }
      },
    ),
    { numRuns: 40 },
  )
})

it('the key decides on which side a user is, and not the process', async () => {
  const users = Array.from({ length: 2000 }, (_, index) => `user-${index}`)
  const canaryOf = async (): Promise<string[]> => {
    const registry = new MemoryRegistry({ ttl: Infinity })
    for (const version of ['v1', 'v2'])
      registry.register(service, {
        id: version,
        url: `http://127.0.0.1:${version.slice(1)}`,
        metadata: { version },
      })
    let user = ''
    await using client = createClient({ service, source: registry, traffic: rollout(0.1, () => user) })
    await client.ready()
    const sides: unknown[] = []
    for (user of users) sides.push(await client.execute(({ metadata }) => metadata?.['version']))
    return users.filter((_name, index) => sides[index] === 'v2')
  }
  const first = await canaryOf()
  expect(await canaryOf()).toEqual(first)
  // The keys and their number never change.
  expect(first.length).toBeGreaterThan(150)
  expect(first.length).toBeLessThan(250)
})
