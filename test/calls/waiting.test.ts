import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { HandSource } from '../support/source.ts'

function simulated(options: Partial<ClientOptions>): { users: Client; clock: ManualClock } {
  const clock = new ManualClock()
  const source = fixed(['http://a.invalid', 'http://b.invalid'])
  return { users: createClient({ service: 'svc', source, clock, retry: false, ...options }), clock }
}

const user = new AsyncLocalStorage<string>()

it('a call that waited in the queue continues in the async context of its own caller', async () => {
  const { users, clock } = simulated({ limit: { max: 1, queue: 2 } })
  const calls = ['ann', 'bob', 'cy'].map((name) =>
    user.run(name, () => users.execute(() => clock.sleep(10).then(() => user.getStore()))),
  )
  await clock.advance(30)
  expect(await Promise.all(calls)).toEqual(['ann', 'bob', 'cy'])
  await users.close()
})

it('a call that waited for the first instances continues in the async context of its own caller', async () => {
  const source = new HandSource()
  const { users } = simulated({ source })
  const calls = ['ann', 'bob'].map((name) => user.run(name, () => users.execute(() => user.getStore())))
  source.push('http://a.invalid')
  expect(await Promise.all(calls)).toEqual(['ann', 'bob'])
  await users.close()
})

it('a call that gets its permit from a listener while it is queued is not refused by close()', async () => {
  const { users, clock } = simulated({ limit: { max: 1, queue: 1 }, drainTimeout: 1_000 })
  const holder = new AbortController()
  const held = users.execute(() => new Promise(() => {}), { signal: holder.signal })
  const displaced = users.execute(() => 'displaced', { priority: 'sheddable' })
  users.on('call:rejected', () => holder.abort(new Error('made room')))
  const granted = users.execute(() => clock.sleep(10).then(() => 'granted'))
  await expect(held).rejects.toThrow('made room')
  await expect(displaced).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_LIMIT' })
  const closed = users.close()
  await clock.advance(10)
  expect(await granted).toBe('granted')
  await closed
})

it('a call that is refused while it waits for the first instances publishes call:rejected', async () => {
  const { users, clock } = simulated({ source: new HandSource(), timeout: 50 })
  const rejected: unknown[] = []
  users.on('call:rejected', ({ error }) => rejected.push(error))
  const call = users.execute(() => 'never')
  const ended = expect(call).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_NO_INSTANCE' })
  await clock.advance(50)
  await ended
  expect(rejected).toEqual([await call.catch((error: unknown) => error)])
  await users.close()
})

it('a retry that no breaker would admit publishes no event and takes nothing from the budget', async () => {
  const { users } = simulated({
    source: fixed(['http://a.invalid']),
    retry: { attempts: 3, backoff: 10 },
    breaker: { failureThreshold: 1, openFor: 1_000 },
  })
  let retries = 0
  users.on('call:retry', () => retries++)
  await expect(users.execute(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
  expect(retries).toBe(0)
  await users.close()
})
