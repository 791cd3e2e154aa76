import { expect, it } from 'vitest'
import { pollDocuments } from '../../src/registry/http-source/poll.ts'
import type { RegistryHttp, RegistryReply } from '../../src/registry/http/http.ts'
import { ManualClock } from '../../src/testing/clock.ts'

/** Counts the requests that a long poll sends in 60 s of a manual clock. The server answers at once. */
async function requestsIn60s(answer: (request: number) => RegistryReply): Promise<number> {
  const clock = new ManualClock()
  const stop = new AbortController()
  let requests = 0
  const client: Partial<RegistryHttp> = {
    send: async () => answer(++requests),
    json: () => [],
  }
  const options = {
    url: 'http://registry/x',
    headers: async () => ({}),
    poll: 5_000,
    wait: 30_000,
    timeout: 5_000,
    clock,
  }
  const documents = pollDocuments(client as RegistryHttp, options, stop.signal)
  const reading = (async () => {
    for await (const _ of documents);
  })()
  await clock.advance(60_000)
  stop.abort(new Error('stop'))
  await expect(reading).rejects.toThrow('stop')
  return requests
}

const ok = (etag: string): RegistryReply => ({ status: 200, headers: { etag }, text: '[]' })

it('a server that ignores Prefer and If-None-Match is polled at the interval', async () => {
  expect(await requestsIn60s(() => ok('"same"'))).toBeLessThan(20)
})

it('a server that ignores only Prefer is polled at the interval', async () => {
  expect(
    await requestsIn60s((request) => (request === 1 ? ok('"a"') : { ...ok('"a"'), status: 304 })),
  ).toBeLessThan(20)
})

it('after each change the next request follows at once', async () => {
  expect(await requestsIn60s((request) => ok(`"${request}"`))).toBeGreaterThan(500)
})
