import { describe, expect, it } from 'vitest'
import { createFetch, type Client } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { HandSource } from '../support/source.ts'

const CLOSED = expect.objectContaining({ code: 'ERR_OUTRIGGER_CLOSED' }) as unknown

describe('a closed application', () => {
  it.each<[string, (app: ReturnType<typeof createFetch<'a'>>) => unknown]>([
    ['client()', (app) => app.client('a')],
    ['services', (app) => app.services.a],
    ['explain()', (app) => app.explain('http://a/')],
    ['update()', (app) => app.update({})],
  ])('makes no client for %s', async (_name, ask) => {
    const source = new HandSource()
    const app = createFetch({ source, services: { a: {} } })
    await app.close()
    expect(() => ask(app)).toThrow(CLOSED)
    expect(app.snapshot()).toEqual({ services: {} })
    expect(source.watches).toBe(0)
  })

  it('still returns the clients that it made', async () => {
    const app = createFetch({ source: new HandSource(), services: { a: {} } })
    const client: Client = app.client('a')
    await app.close()
    expect(app.client('a')).toBe(client)
    await expect(client('/')).rejects.toEqual(CLOSED)
  })

  it('has no timer, and starts none for a call of a client that it made', async () => {
    const clock = new ManualClock()
    const app = createFetch({ source: new HandSource(), services: { a: {} }, idleTimeout: 1000, clock })
    const client = app.client('a')
    await app.close()
    expect(clock.timers).toBe(0)
    for (const call of [client('/'), client.request('/'), client.execute(() => 1)])
      await expect(call).rejects.toEqual(CLOSED)
    expect(clock.timers).toBe(0)
  })
})
