import { expect, it } from 'vitest'
import { createClient, fixed, type TimeoutOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { hang, stall, startServer } from '../support/http-server.ts'

// An SDK on top may have a limit that is longer: the message says which of ours has ended the call.
it.each<[TimeoutOptions, number, string]>([
  [{}, 30_000, 'no answer from user-service within 30000 ms (timeout.total)'],
  [{ total: 5_000 }, 5_000, 'no answer from user-service within 5000 ms (timeout.total)'],
  [{ attempt: 1_000 }, 1_000, 'a did not answer within 1000 ms (timeout.attempt)'],
])(
  'a call that %o has ended names the option, not the longer limit of its caller',
  async (timeout, ms, message) => {
    await using server = await startServer(hang)
    const clock = new ManualClock()
    const source = fixed([{ id: 'a', url: server.url }])
    await using users = createClient({ service: 'user-service', source, timeout, retry: false, clock })
    const failed = expect(users('/', { signal: AbortSignal.timeout(600_000) })).rejects.toMatchObject({
      name: 'TimeoutError',
      message,
    })
    await server.seen(1)
    await clock.advance(ms)
    await failed
  },
)

it('the error of a body that timeout.idle has ended names the option', async () => {
  await using server = await startServer(stall)
  await using users = createClient({
    service: 'user-service',
    source: fixed([server.url]),
    timeout: { idle: 20 },
  })
  const response = await users('/')
  await expect(response.text()).rejects.toThrow(`no data from ${server.url} for 20 ms (timeout.idle)`)
})
