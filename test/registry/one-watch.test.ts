import { describe, expect, it, test } from 'vitest'
import { createClient, createFetch, type Client, type Instance, type Source } from '../../src/index.ts'
import { reply, startServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

/** A registry that counts its watches and sends the snapshots of the test. */
class CountingSource implements Source {
  readonly isOwn = true
  readonly emptyGrace = 0
  readonly watched: string[] = []
  open = 0
  instances: readonly Instance[] = []
  #changed = Promise.withResolvers<void>()
  #error: Error | undefined

  says(...urls: string[]): void {
    this.instances = urls.map((url) => ({ id: url, url }))
    this.#changed.resolve()
  }

  fails(error: Error | undefined): void {
    this.#error = error
    this.#changed.resolve()
  }

  async *watch(service: string, { signal }: { signal: AbortSignal }): AsyncGenerator<readonly Instance[]> {
    this.watched.push(service)
    this.open++
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    try {
      while (!signal.aborted) {
        if (this.#error) throw this.#error
        this.#changed = Promise.withResolvers()
        yield this.instances
        await Promise.race([this.#changed.promise, stopped])
      }
    } finally {
      this.open--
    }
  }
}

const known = (client: Client): string[] => client.snapshot().instances.map(({ instance }) => instance.id)

describe('clients of one service on one source', () => {
  it('share one watch, and each gets all snapshots, until the last one has left', async () => {
    const source = new CountingSource()
    source.says('http://127.0.0.1:1')
    const first = createClient({ service: 'a', source })
    const other = createClient({ service: 'other', source })
    await first.ready()
    const second = createClient({ service: 'a', source })
    await second.ready()
    await other.ready()
    expect(source.watched).toEqual(['a', 'other'])
    source.says('http://127.0.0.1:1', 'http://127.0.0.1:2')
    await until(() => known(first).length === 2 && known(second).length === 2)
    await first.close()
    expect(source.open).toBe(2)
    source.says('http://127.0.0.1:3')
    await until(() => known(second).join() === 'http://127.0.0.1:3')
    await second.close()
    expect(source.open).toBe(1)
    await using third = createClient({ service: 'a', source })
    await third.ready()
    expect(source.watched).toEqual(['a', 'other', 'a'])
    await other.close()
  })

  it('all get its failure and its recovery', async () => {
    const source = new CountingSource()
    source.says('http://127.0.0.1:1')
    await using first = createClient({ service: 'a', source })
    await using second = createClient({ service: 'a', source })
    await Promise.all([first.ready(), second.ready()])
    const seen: string[] = []
    for (const [name, client] of [
      ['first', first],
      ['second', second],
    ] as const) {
      client.on('source:stale', ({ error }) => seen.push(`${name} stale ${String(error)}`))
      client.on('source:recovered', () => seen.push(`${name} recovered`))
    }
    source.fails(new Error('down'))
    await until(() => seen.length === 2)
    expect(seen.toSorted()).toEqual(['first stale Error: down', 'second stale Error: down'])
    expect(known(first)).toEqual(['http://127.0.0.1:1'])
    source.fails(undefined)
    await until(() => seen.length === 4)
    expect(seen.slice(2).toSorted()).toEqual(['first recovered', 'second recovered'])
  })

  it('share it across applications, also while the service of one is paused', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const source = new CountingSource()
    source.says(server.url)
    await using app = createFetch({ source, services: { a: {} } })
    await using client = createClient({ service: 'a', source })
    await using another = createFetch({ source, unknown: 'discover' })
    await app('http://a/')
    await client('/')
    expect(await (await another('http://a/')).text()).toBe('ok')
    expect(source.watched).toEqual(['a'])
  })
})

test('a source whose iterator is a promise has failed: its rejection is not left to the process', async () => {
  const source = { watch: () => ({ [Symbol.asyncIterator]: () => Promise.reject(new Error('a bug')) }) }
  await using client = createClient({ service: 'a', source: source as unknown as Source })
  client.on('source:stale', () => {})
  await expect(client.ready()).rejects.toMatchObject({
    cause: { message: '[Symbol.asyncIterator]() of watch() must return an iterator, got a promise' },
  })
})
