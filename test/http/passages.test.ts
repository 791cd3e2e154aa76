import { afterEach, describe, expect, it } from 'vitest'
import { createClient, createFetch } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { ok, reply, startServer } from '../support/http-server.ts'

const original = globalThis.fetch

afterEach(() => {
  globalThis.fetch = original
})

describe('as globalThis.fetch, a createFetch', () => {
  it('serves a fetch by a listener, even of the URL of the call in flight', async () => {
    await using server = await startServer(ok, reply(500), ok)
    await using users = createClient({
      service: 'user-service',
      source: fixed([server.url]),
      balance: (all) => all[0],
      retry: false,
    })
    globalThis.fetch = createFetch({ services: { 'user-service': users } })
    // The connection is made during a call, so all of its data arrives in the async context of that call.
    await (await fetch('http://user-service/first')).text()
    const fetched: Promise<number>[] = []
    users.on('attempt', ({ outcome }) => {
      if (outcome !== 'failure') return
      for (const path of ['first', 'second', 'third']) {
        fetched.push(fetch(`http://user-service/${path}`).then(({ status }) => status))
      }
    })
    await (await fetch('http://user-service/second')).text()
    expect(await Promise.all(fetched)).toEqual([200, 200, 200])
  })
})
