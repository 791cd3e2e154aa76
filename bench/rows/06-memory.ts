import { createHook } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { CircuitBreaker, createClient, fixed } from 'outrigger'
import type { Round, Row } from '../harness/row.ts'
import { load } from '../peers/load.ts'

const COUNT = 10_000

/** Returns the bytes of heap and the number of timers for each object that `make` creates. */
function weigh(make: (index: number) => unknown): Round {
  return async () => {
    const timersBefore = timers()
    const kept: unknown[] = Array.from({ length: COUNT }, () => undefined)
    const before = await heap()
    for (let index = 0; index < COUNT; index++) kept[index] = make(index)
    const bytes = ((await heap()) - before) / COUNT
    return { bytes, timers: (timers() - timersBefore) / kept.length }
  }
}

async function heap(): Promise<number> {
  for (let pass = 0; pass < 3; pass++) {
    globalThis.gc?.()
    await delay(1)
  }
  return process.memoryUsage().heapUsed
}

const alive = new Set<number>()
createHook({
  init: (id, type) => type === 'Timeout' && alive.add(id),
  destroy: (id) => alive.delete(id),
}).enable()

/** Includes timers that do not keep the process alive. */
function timers(): number {
  return alive.size
}

export const row: Row = {
  title: 'memory',
  rounds: 5,
  roundMs: 0,
  variants: {
    'a breaker': () => weigh(() => new CircuitBreaker()),
    'an instance with its breaker': () => async () => {
      const instances = Array.from({ length: COUNT }, (_, index) => ({
        id: `i${index}`,
        url: `http://10.0.${index >> 8}.${index & 255}:8080`,
      }))
      const source = fixed(instances)
      const timersBefore = timers()
      const before = await heap()
      const client = createClient({
        service: 'user-service',
        source,
        balance: (endpoints) => endpoints[next++],
      })
      let next = 0
      await client.ready()
      // Each endpoint has answered once, so each has its breaker.
      for (let index = 0; index < COUNT; index++) await client.execute(async () => index)
      const bytes = ((await heap()) - before) / COUNT
      const sample = { bytes, timers: (timers() - timersBefore) / COUNT }
      await client.close()
      return sample
    },
    cockatiel: async () => {
      const { circuitBreaker, ConsecutiveBreaker, handleAll } = await load('cockatiel')
      return weigh(() =>
        circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker: new ConsecutiveBreaker(5) }),
      )
    },
    opossum: async () => {
      const { default: Opossum } = await load('opossum')
      return weigh(() => new Opossum(async () => 1, {}))
    },
  },
  comparisons: [
    { name: 'a breaker', subject: 'a breaker', measure: 'bytes', unit: 'B', target: 1024 },
    {
      name: 'an idle instance with its breaker',
      subject: 'an instance with its breaker',
      measure: 'bytes',
      unit: 'B',
      target: 1024,
    },
    { name: 'timers of a breaker', subject: 'a breaker', measure: 'timers', unit: 'timers', target: 0 },
    {
      name: 'timers of an idle instance',
      subject: 'an instance with its breaker',
      measure: 'timers',
      unit: 'timers',
      target: 0,
    },
    { name: "cockatiel's breaker", subject: 'cockatiel', measure: 'bytes', unit: 'B' },
    { name: "opossum's breaker", subject: 'opossum', measure: 'bytes', unit: 'B' },
    { name: "timers of opossum's breaker", subject: 'opossum', measure: 'timers', unit: 'timers' },
  ],
}
