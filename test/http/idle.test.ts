import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createClient, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { collectUntil } from '../fallback/support.ts'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'
import { instanceOf } from '../support/events.ts'
import { redirect, stall, startServer, type Answer } from '../support/http-server.ts'

const options = (url: string, idle: number): ClientOptions => ({
  service: 'user-service',
  source: fixed([url]),
  retry: false,
  timeout: { idle },
})

const large: Answer = (_request, response) => response.end(Buffer.alloc(5_000_000))

describe('timeout.idle', () => {
  it('lets an unread response be garbage-collected, which releases its load', async () => {
    await using server = await startServer(large)
    await using client = createClient(options(server.url, 20))
    for (let number = 0; number < 5; number++) await client('/')
    await collectUntil(() => instanceOf(client, server.host).inFlight === 0)
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 5, failure: 0 })
  })

  it('lets a process exit that has not read its last response', { timeout: CHILD_TIMEOUT }, async () => {
    await using server = await startServer(large)
    const { code, stderr } = await runChild(`
      import { createClient, fixed } from './src/index.ts'
      const source = fixed(['${server.url}'])
      const client = createClient({ service: 'user-service', source, timeout: { idle: 50 } })
      await client('/')
    `)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('also ends a silent body after a redirect, with its own error', async () => {
    await using server = await startServer(redirect('/there'), stall)
    await using client = createClient(options(server.url, 50))
    const response = await client('/here')
    await expect(response.text()).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(instanceOf(client, server.host)).toMatchObject({
      inFlight: 0,
      settled: { success: 1, failure: 1 },
    })
  })

  it('does not apply to the rest of a redirect’s body', async () => {
    const endless: Answer = (_request, response) =>
      response.writeHead(302, { location: '/there' }).write('moved')
    const slow: Answer = async (_request, response) => {
      for (const piece of ['one ', 'two ', 'three ']) {
        response.write(piece)
        await sleep(150)
      }
      response.end('four')
    }
    await using server = await startServer(endless, slow)
    await using client = createClient(options(server.url, 300))
    expect(await (await client('/here')).text()).toBe('one two three four')
  })
})
