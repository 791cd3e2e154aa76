import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { announce, type Source } from '../../src/index.ts'
import { readHealth } from '../../src/registry/consul/health.ts'
import { etcd } from '../../src/registry/etcd.ts'
import { readApplication } from '../../src/registry/eureka/application.ts'
import { Endpoints } from '../../src/registry/http/endpoints.ts'
import { RegistryAnswerError } from '../../src/registry/http/http.ts'
import { abortable } from '../../src/registry/shared/abortable.ts'
import { serve } from '../registries/fake-http.ts'

it('an answer leaves no listener on the signal, which would keep it in memory during the watch', async () => {
  const { signal } = new AbortController()
  expect(await abortable(signal, async () => 'answer')).toBe('answer')
  await expect(abortable(signal, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

describe('of several endpoints', () => {
  const { signal } = new AbortController()
  const answering = (answers: Record<string, number>, asked: string[] = []) => ({
    asked,
    ask: async (url: string): Promise<string> => {
      asked.push(url)
      const status = answers[url] ?? 200
      // An HTML page may also have status 200.
      if (status !== 200 || url.endsWith('page')) throw new RegistryAnswerError(`${status}`, status)
      return url
    },
  })

  it.each([[401], [404], [429]])('one that answers %i is not tried first the next time', async (status) => {
    const endpoints = new Endpoints('endpoints', ['http://bad', 'http://good'])
    const { ask, asked } = answering({ 'http://bad': status })
    await expect(endpoints.tryEach(signal, ask)).rejects.toThrow(String(status))
    expect(await endpoints.tryEach(signal, ask)).toBe('http://good')
    expect(asked).toEqual(['http://bad', 'http://good'])
  })

  it('the next one is tried at once when one sends an invalid answer', async () => {
    const endpoints = new Endpoints('endpoints', ['http://page', 'http://good'])
    expect(await endpoints.tryEach(signal, answering({}).ask)).toBe('http://good')
  })
})

/** Returns the first snapshot, or throws the error of the watch. */
async function first(source: Source): Promise<unknown> {
  const stop = new AbortController()
  try {
    for await (const snapshot of source.watch('users', { signal: stop.signal })) return snapshot
    return undefined
  } finally {
    stop.abort()
  }
}

it('etcd: an answer without a revision or a lease is an error, and the next endpoint is tried', async () => {
  await using impostor = await serve((_request, response) => response.end('{"status":"maintenance"}'))
  await using other = await serve((_request, response) => response.end('{}'))
  const registry = etcd({ endpoints: [impostor.url, other.url] })
  for (const { url } of [impostor, other]) {
    await expect(first(registry)).rejects.toThrow(`etcd: ${url} answered without a revision`)
  }

  const errors: unknown[] = []
  const registrar = etcd({ endpoints: impostor.url })
  const instance = { url: 'http://10.0.0.7:8080' }
  await using me = await announce(registrar, 'users', instance, { onError: (error) => errors.push(error) })
  expect(me.registered).toBe(false)
  expect(String(errors[0])).toContain('answered without a lease')
  expect(impostor.requests.filter((request) => request.endsWith('/kv/put'))).toEqual([])
})

describe('one malformed entry does not hide the good ones:', () => {
  const metadata = {}

  it('eureka', () => {
    const port = { $: 8080, '@enabled': 'true' }
    const good = { instanceId: 'good', ipAddr: '10.0.0.7', status: 'UP', port, metadata }
    const answer = {
      application: { instance: [null, good, { ...good, instanceId: 'bad', ipAddr: undefined }] },
    }
    expect(readApplication(answer, 'ipAddr').map(({ id, url }) => [id, URL.canParse(url)])).toEqual([
      ['good', true],
      ['bad', false],
    ])
  })

  it('consul', () => {
    const Node = { Node: 'n', Address: '10.0.0.7' }
    const entry = (ID: string, Checks: unknown): object => ({ Node, Service: { ID, Port: 80 }, Checks })
    const answer = [entry('good', []), entry('unchecked', null)]
    expect(readHealth(answer, 'http').map(({ id }) => id)).toEqual(['n/good', 'n/unchecked'])
  })
})
