import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFetch, type AppFetch, type FetchOptions, type Instance, type Source } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { redirect, startServer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

/** A registry that answers when the test lets it. */
class SlowSource implements Source {
  readonly isOwn = true
  open = 0
  #answer = Promise.withResolvers<readonly Instance[]>()

  answers(...urls: string[]): void {
    this.#answer.resolve(urls.map((url) => ({ id: url, url })))
  }

  fails(code: string): void {
    this.#answer.promise.catch(() => {})
    this.#answer.reject(Object.assign(new Error('down'), { code }))
  }

  async *watch(_service: string, { signal }: { signal: AbortSignal }): AsyncGenerator<readonly Instance[]> {
    this.open++
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    try {
      const instances = await Promise.race([this.#answer.promise, stopped])
      if (instances) yield instances
      await stopped
    } finally {
      this.open--
    }
  }
}

const platform = globalThis.fetch
let server: TestServer
let source: SlowSource
let clock: ManualClock
/** The calls that were passed to the platform's fetch. */
let passed: string[]

beforeEach(async () => {
  server = await startServer((request, response) => void response.end(String(request.headers['x-user'])))
  source = new SlowSource()
  clock = new ManualClock()
  passed = []
  // The calls of a service use it too, with our dispatcher.
  globalThis.fetch = (input, init) => {
    if (init && 'dispatcher' in init) return platform(input, init)
    passed.push(input instanceof Request ? input.url : input.toString())
    return Promise.resolve(new Response('passed'))
  }
})
afterEach(async () => {
  globalThis.fetch = platform
  await server.close()
})

const app = (more: Partial<FetchOptions> = {}): AppFetch =>
  createFetch({ source, unknown: 'discover', ...more })
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

describe('a call to a host that is being looked up', () => {
  it('waits at most a second; later calls do not wait until the source has answered', async () => {
    await using fetch = app({ clock })
    const first = fetch('http://users/1')
    await turn()
    expect(passed).toEqual([])
    await clock.advance(1000)
    expect(await (await first).text()).toBe('passed')
    expect(await (await fetch('http://users/2')).text()).toBe('passed')
    expect(source.open).toBe(1)
    source.answers(server.url)
    await until(() => Object.keys(fetch.snapshot().services).length === 1)
    expect(await (await fetch('http://users/3', { headers: { 'x-user': 'alice' } })).text()).toBe('alice')
    expect(passed).toEqual(['http://users/1', 'http://users/2'])
    expect(source.open).toBe(1)
  })

  it('does not wait while the source fails', async () => {
    await using fetch = app({ clock })
    const first = fetch('http://users/')
    source.fails('ECONNREFUSED')
    expect(await (await first).text()).toBe('passed')
    expect(await (await fetch('http://users/')).text()).toBe('passed')
  })

  type Calls = (
    fetch: AppFetch,
    headers: Record<string, string>,
  ) => [answer: Promise<Response>, reuse: () => void]
  it.each<[string, Calls]>([
    [
      'an object',
      (fetch, headers) => [fetch('http://users/', { headers }), () => (headers['x-user'] = 'bob')],
    ],
    [
      'a Request',
      (fetch, headers) => {
        const request = new Request('http://users/', { headers })
        return [fetch(request), () => request.headers.set('x-user', 'bob')]
      },
    ],
    [
      'a URL, and bytes',
      (fetch, headers) => {
        const url = new URL('http://users/')
        const body = Buffer.from('alice')
        const reuse = (): void => {
          url.host = 'other'
          body.fill(98)
          headers['x-user'] = 'bob'
        }
        return [fetch(url, { headers, body, method: 'POST' }), reuse]
      },
    ],
  ])('is sent unchanged: %s', async (_name, call) => {
    await using fetch = app()
    const [answer, reuse] = call(fetch, { 'x-user': 'alice' })
    reuse()
    source.answers(server.url)
    expect(await (await answer).text()).toBe('alice')
  })

  it('ends when its signal aborts, and its body is cancelled', async () => {
    globalThis.fetch = platform
    await using fetch = app()
    const controller = new AbortController()
    let isCancelled = false
    const body = new ReadableStream({ cancel: () => void (isCancelled = true) })
    const request = new Request('http://users/', { method: 'POST', body, duplex: 'half' })
    const answer = fetch(request, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(answer).rejects.toThrow('enough')
    expect(isCancelled).toBe(true)
  })

  it('is refused by close(), which ends the watch', async () => {
    const fetch = app()
    const answer = fetch('http://users/')
    await turn()
    const refused = expect(answer).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    await fetch.close()
    await refused
    await until(() => source.open === 0)
    await expect(fetch('http://users/')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    expect(passed).toEqual([])
  })

  it('uses the options of an update that happens during the lookup', async () => {
    await using fetch = app({ defaults: { timeout: 1000 } })
    const answer = fetch('http://users/')
    fetch.update({ defaults: { timeout: 2000 } })
    source.answers(server.url)
    await answer
    expect(fetch.explain('http://users/').plan).toMatchObject({ total: 2000 })
  })

  it('uses a service that an update names during the lookup', async () => {
    await using fetch = app()
    const answer = fetch('http://users/', { headers: { 'x-user': 'alice' } })
    fetch.update({ services: { users: { timeout: 500 } } })
    source.answers(server.url)
    expect(await (await answer).text()).toBe('alice')
    expect(fetch.explain('http://users/').plan).toMatchObject({ total: 500 })
    expect(source.open).toBe(1)
  })

  it('passes when an update sets unknown to pass during the lookup', async () => {
    await using fetch = app()
    const answer = fetch('http://users/')
    fetch.update({ unknown: 'pass' })
    source.answers(server.url)
    expect(await (await answer).text()).toBe('passed')
    await until(() => source.open === 0)
  })
})

it('a redirect to a service that was never called is sent to it', async () => {
  await using entry = await startServer(redirect('http://users/'))
  globalThis.fetch = platform
  await using fetch = app({ services: { entry: { source: { watch: () => list(entry.url) } } } })
  const answer = fetch('http://entry/', { headers: { 'x-user': 'alice' } })
  await until(() => source.open === 1)
  source.answers(server.url)
  expect(await (await answer).text()).toBe('alice')
})

it('at most 100 hosts are looked up at a time, and other hosts pass', async () => {
  await using fetch = app({ clock })
  const waiting = Array.from({ length: 100 }, (_, host) => fetch(`http://h${host}/`))
  expect(await (await fetch('http://one-more/')).text()).toBe('passed')
  expect(source.open).toBe(100)
  await clock.advance(1000)
  await Promise.all(waiting)
})

it('hosts that cannot be service names pass', async () => {
  await using fetch = app()
  for (const host of ['a!b', "a'b", 'a~b'])
    expect(await (await fetch(`http://${host}/`)).text()).toBe('passed')
  expect(source.open).toBe(0)
})

it('defaults are checked before there is a service', () => {
  expect(() => app({ defaults: { retry: { attempts: 0 } } })).toThrow('retry.attempts')
})

async function* list(...urls: string[]): AsyncGenerator<readonly Instance[]> {
  yield urls.map((url) => ({ id: url, url }))
  await new Promise(() => {})
}
