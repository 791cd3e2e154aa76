import { request } from 'undici'
import { expect, it } from 'vitest'
import { createClient, fixed } from '../../src/index.ts'
import { startServer } from '../support/http-server.ts'

it('a dispatcher reports the caller’s timeout, even if the response arrived in the same turn', async () => {
  const abort = new AbortController()
  await using server = await startServer((_request, response) => {
    response.end('in time')
    setTimeout(() => abort.abort(new DOMException('too late', 'TimeoutError')), 1)
    // The timer fires before the event loop reads the response, which is in the socket already.
    const until = performance.now() + 5
    while (performance.now() < until);
  })
  await using client = createClient({ service: 'user-service', source: fixed([server.url]) })
  const { dispatcher } = client
  await expect(request('http://user-service/', { dispatcher, signal: abort.signal })).rejects.toThrow(
    'too late',
  )
  expect(client.snapshot().instances[0]).toMatchObject({ inFlight: 0, settled: { success: 1 } })
})
