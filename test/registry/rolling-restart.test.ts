import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createClient, type Client } from '../../src/client/create-client.ts'
import type { ClientOptions } from '../../src/client/options.ts'
import {
  announceServer,
  type AnnounceServerOptions,
  type ServerAnnouncement,
} from '../../src/registry/announce-server.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import type { Source } from '../../src/registry/source.ts'

const INSTANCES = 3
const CLIENTS = 4
const CALLERS = 3

/** After how many ms clients learn of a change. A real registry is slower than this one. */
const NEWS = 100

/** An answer takes a few ms, so that some requests are always in flight. */
const WORK = 3

function hearingLate(registry: Source): Source {
  return {
    async *watch(service, context) {
      let isFirst = true
      for await (const instances of registry.watch(service, context)) {
        if (!isFirst) await sleep(NEWS)
        isFirst = false
        yield instances
      }
    },
  }
}

async function startInstance(
  registry: MemoryRegistry,
  options: AnnounceServerOptions,
): Promise<ServerAnnouncement> {
  const server = createServer((_request, response) => {
    setTimeout(() => response.end('ok'), WORK)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return announceServer(registry, 's', server, options)
}

/** Restarts each instance of a fleet, one after the other, while callers send requests all the time. */
async function restartAll(
  options: AnnounceServerOptions,
  client: Partial<ClientOptions>,
): Promise<{ calls: number; lost: unknown[] }> {
  const registry = new MemoryRegistry()
  const running = await Promise.all(Array.from({ length: INSTANCES }, () => startInstance(registry, options)))
  const clients = Array.from({ length: CLIENTS }, () =>
    createClient({ service: 's', source: hearingLate(registry), ...client }),
  )
  const over = new AbortController()
  let calls = 0
  const lost: unknown[] = []
  const call = async (users: Client): Promise<void> => {
    while (!over.signal.aborted) {
      calls++
      try {
        const response = await users('/')
        const body = await response.text()
        if (body !== 'ok') lost.push(`${response.status} ${body}`)
      } catch (error) {
        lost.push(error)
      }
    }
  }
  const callers = clients.flatMap((users) => Array.from({ length: CALLERS }, () => call(users)))
  for (const old of running) {
    const fresh = await startInstance(registry, options)
    running[running.indexOf(old)] = fresh
    await old.close()
  }
  over.abort()
  await Promise.all(callers)
  for (const users of clients) await users.close()
  await Promise.all(running.map((each) => each.close()))
  return { calls, lost }
}

it('a rolling restart with the recommended drainDelay loses no call without retries', async () => {
  const { calls, lost } = await restartAll({}, { retry: false, breaker: false })
  console.log(`drainDelay 2000, no retries: ${lost.length} of ${calls} calls lost`)
  expect(lost).toEqual([])
})

// Why drainDelay is needed: docs/guides/rolling-updates.md has the figures. How many calls are lost depends on
// chance.
it('a rolling restart without a drain and without retries loses calls', async () => {
  const { calls, lost } = await restartAll({ drainDelay: 0 }, { retry: false, breaker: false })
  console.log(`drainDelay 0, no retries: ${lost.length} of ${calls} calls lost`)
  expect(lost.length).toBeGreaterThan(0)
})
