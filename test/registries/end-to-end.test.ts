import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import { Audience } from './end-to-end/audience.ts'
import { Servers, type Server } from './end-to-end/servers.ts'
import { TTL } from './end-to-end/world.ts'
import { worlds } from './end-to-end/worlds.ts'

// An API server takes seconds to start, three times.
vi.setConfig({ testTimeout: 120_000 })

/** Milliseconds, or counts: by what they tell, then by registry. */
const figures: Record<string, Record<string, number>> = {}

afterAll(() => console.table(figures))

describe.each(Object.entries(worlds))('servers come and go, the registry too: %s', (name, open) => {
  const note = (what: string, value: number): void => {
    ;(figures[what] ??= {})[name] = Math.round(value)
  }

  it('no idempotent request fails', async () => {
    const embedded = new MemoryRegistry({ ttl: TTL })
    await using world = await open(embedded)
    using servers = new Servers(embedded, world.registrar)
    let there = await Promise.all(['a', 'b', 'c'].map((id) => servers.start(id)))
    const urls = (): string[] => there.map(({ url }) => url)
    const oldest = (): Server => {
      const [server, ...others] = there as [Server, ...Server[]]
      there = others
      return server
    }
    await using audience = await Audience.start(world.source)
    await audience.knows(urls())
    for (const url of urls()) await audience.firstTo(url)

    const joins = await servers.start('d')
    there.push(joins)
    note('joins: first request after', (await audience.firstTo(joins.url)) - joins.listeningAt)

    const leaves = oldest()
    const told = performance.now()
    const failedBefore = audience.failedAttempts
    const exit = leaves.leave()
    await audience.knows(urls())
    note('leaves: last request after', audience.lastTo(leaves.url) - told)
    expect(await exit, 'its exit code').toBe(0)
    expect(audience.failedAttempts, 'attempts that failed, because it did not wait').toBe(failedBefore)

    const dies = oldest()
    const killed = performance.now()
    dies.kill()
    await audience.knows(urls())
    note('is killed: last request after', audience.lastTo(dies.url) - killed)

    const { outage } = world
    for (const keepData of outage ? [true, false] : []) {
      await outage?.kill()
      await audience.hasLostItsRegistry()
      // Of what happens meanwhile, clients learn by trying, or later.
      if (keepData) oldest().kill()
      else await oldest().leave()
      const newcomer = await servers.start(keepData ? 'e' : 'f')
      there.push(newcomer)
      await sleep(500)

      await outage?.restart({ keepData })
      const back = performance.now()
      await audience.hasItsRegistry()
      const when = `registry back ${keepData ? 'with' : 'without'} data`
      note(`${when}: both clients live after`, performance.now() - back)
      note(`${when}: newcomer's first request after`, (await audience.firstTo(newcomer.url)) - back)
      await audience.knows(urls())
    }

    await audience.end()
    note('requests', audience.sent)
    note('attempts that failed', audience.failedAttempts)
    note('requests that failed', audience.failures.length)
    expect(audience.failures.slice(0, 20)).toEqual([])
  })
})
