import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { hang, redirect, reply, stall, startServer, truncate } from '../support/http-server.ts'
import { until } from '../support/until.ts'
import { collectUntil, pieces, WordCoalescer } from './support.ts'

const KEY = 'GET http://users/42'
const from = (url: string) => (signal: AbortSignal) => fetch(url, { signal })
const listeners = (...signals: AbortSignal[]): number[] =>
  signals.map((signal) => getEventListeners(signal, 'abort').length)

function never(): Promise<Response> {
  throw new Error('must not be started')
}

describe('Coalescer', () => {
  it('sends one request for all concurrent callers, and gives each a response', async () => {
    await using server = await startServer(redirect('/there'), reply(200, 'hello', { 'x-a': '1' }))
    const coalescer = new WordCoalescer()
    const responses = await Promise.all([
      coalescer.run(KEY, undefined, from(server.url)),
      coalescer.run(KEY, undefined, never),
      coalescer.run(KEY, new AbortController().signal, never),
    ])
    expect(server.requests).toEqual(['GET /', 'GET /there'])
    expect(new Set(responses).size).toBe(3)
    for (const response of responses) {
      expect(response).toBeInstanceOf(Response)
      expect(response).toMatchObject({
        status: 200,
        statusText: 'OK',
        url: `${server.url}/there`,
        redirected: true,
      })
      expect(response.clone().url).toBe(`${server.url}/there`)
      expect(response.headers.get('x-a')).toBe('1')
      response.headers.set('x-a', '2')
      const bytes = new Uint8Array(await response.arrayBuffer())
      expect(Buffer.from(bytes).toString()).toBe('hello')
      bytes.fill(0)
    }
    expect(coalescer.size).toBe(0)
  })

  it('sends a new request after the headers have arrived', async () => {
    await using server = await startServer(reply(200, 'one'), reply(200, 'two'))
    const coalescer = new WordCoalescer()
    const one = await coalescer.run(KEY, undefined, from(server.url))
    const two = await coalescer.run(KEY, undefined, from(server.url))
    expect([await one.text(), await two.text()]).toEqual(['one', 'two'])
  })

  it('does not mix up different requests', async () => {
    await using server = await startServer(reply(200, 'one'), reply(200, 'two'))
    const coalescer = new WordCoalescer()
    const answers = await Promise.all(
      ['a', 'b'].map((key) => coalescer.run(key, undefined, from(server.url))),
    )
    expect(server.requests.length).toBe(2)
    expect(new Set(await Promise.all(answers.map((answer) => answer.text())))).toEqual(
      new Set(['one', 'two']),
    )
  })

  it('rejects an aborted caller at once, while the others go on', async () => {
    await using server = await startServer(hang)
    const coalescer = new WordCoalescer()
    const [first, second] = [new AbortController(), new AbortController()]
    let shared: AbortSignal | undefined
    const start = (signal: AbortSignal): Promise<Response> => {
      shared = signal
      return fetch(server.url, { signal })
    }
    const answers = [
      coalescer.run(KEY, first.signal, start),
      coalescer.run(KEY, second.signal, never),
      coalescer.run(KEY, undefined, never),
    ]
    await server.seen(1)
    first.abort(new Error('no time'))
    await expect(answers[0]).rejects.toThrow('no time')
    expect(listeners(first.signal, second.signal)).toEqual([0, 1])
    second.abort(new Error('no time either'))
    await expect(answers[1]).rejects.toThrow('no time either')
    expect(shared?.aborted).toBe(false)
    expect(server.open).toBe(1)
    const joined = coalescer.run(KEY, undefined, never)
    await server.close()
    await expect(answers[2]).rejects.toThrow('fetch failed')
    await expect(joined).rejects.toThrow('fetch failed')
  })

  it('aborts the request when all callers have aborted, and sends a new one for the next', async () => {
    await using server = await startServer(hang, reply(200, 'hello'))
    const coalescer = new WordCoalescer()
    const aborters = [new AbortController(), new AbortController()]
    const answers = aborters.map(({ signal }) => coalescer.run(KEY, signal, from(server.url)))
    await server.seen(1)
    for (const [index, aborter] of aborters.entries()) aborter.abort(new Error(`${index}`))
    const next = coalescer.run(KEY, undefined, from(server.url))
    expect(coalescer.size).toBe(1)
    await expect(answers[0]).rejects.toThrow('0')
    await expect(answers[1]).rejects.toThrow('1')
    expect(await (await next).text()).toBe('hello')
    await until(() => server.open <= 1)
    expect(server.requests.length).toBe(2)
  })

  it('cancels a response that no caller waits for, and does not affect the next request', async () => {
    const coalescer = new WordCoalescer()
    const { body, isCancelled } = pieces('too late')
    const late = Promise.withResolvers<Response>()
    const aborter = new AbortController()
    const answer = coalescer.run(KEY, aborter.signal, () => late.promise)
    aborter.abort(new Error('no time'))
    await expect(answer).rejects.toThrow('no time')
    const next = Promise.withResolvers<Response>()
    const second = coalescer.run(KEY, undefined, () => next.promise)
    late.resolve(new Response(body))
    await until(isCancelled)
    expect(coalescer.size).toBe(1)
    next.resolve(new Response('in time'))
    expect(await (await second).text()).toBe('in time')
  })

  it('does not affect the next request when one fails that no caller waits for', async () => {
    const coalescer = new WordCoalescer()
    const aborter = new AbortController()
    const late = Promise.withResolvers<Response>()
    const given = coalescer.run(KEY, aborter.signal, () => late.promise)
    aborter.abort(new Error('no time'))
    await expect(given).rejects.toThrow('no time')
    const next = Promise.withResolvers<Response>()
    const second = coalescer.run(KEY, undefined, () => next.promise)
    late.reject(new Error('nobody cares'))
    await new Promise(setImmediate)
    const third = coalescer.run(KEY, undefined, never)
    next.resolve(new Response('in time'))
    expect(await Promise.all([(await second).text(), (await third).text()])).toEqual(['in time', 'in time'])
  })

  it('does not send a request for a signal that has already aborted', async () => {
    const coalescer = new WordCoalescer()
    await expect(coalescer.run(KEY, AbortSignal.abort(new Error('gave up')), never)).rejects.toThrow(
      'gave up',
    )
    expect(coalescer.size).toBe(0)
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('down'))],
    ['throws', () => never()],
  ])(
    'rejects all callers with the same error when the request %s, and sends a new one for the next',
    async (_how, start) => {
      const coalescer = new WordCoalescer()
      const { signal } = new AbortController()
      const answers = [coalescer.run(KEY, signal, start), coalescer.run(KEY, signal, start)]
      const errors = await Promise.all(answers.map((answer) => answer.catch((error: unknown) => error)))
      expect(errors[0]).toBeInstanceOf(Error)
      expect(errors[1]).toBe(errors[0])
      expect(listeners(signal)).toEqual([0])
      expect(await (await coalescer.run(KEY, undefined, async () => new Response('up'))).text()).toBe('up')
    },
  )

  it('rejects all callers when the response cannot be copied', async () => {
    const coalescer = new WordCoalescer()
    const start = async (): Promise<Response> => Response.error()
    const answers = [coalescer.run(KEY, undefined, start), coalescer.run(KEY, undefined, never)]
    for (const answer of answers) await expect(answer).rejects.toThrow(RangeError)
    expect(coalescer.size).toBe(0)
  })

  it('shares responses without a body', async () => {
    await using server = await startServer(reply(204))
    const coalescer = new WordCoalescer()
    const start = from(server.url)
    const answers = await Promise.all([
      coalescer.run(KEY, undefined, start),
      coalescer.run(KEY, undefined, start),
    ])
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 204, body: null, url: `${server.url}/` })
  })
})

describe('a shared body', () => {
  const share = async (
    start: (signal: AbortSignal) => Promise<Response>,
    ...signals: (AbortSignal | undefined)[]
  ): Promise<Response[]> => {
    const coalescer = new WordCoalescer()
    return Promise.all(signals.map((signal) => coalescer.run(KEY, signal, start)))
  }

  it('reaches every reader completely and in order, however they read', async () => {
    const texts = Array.from({ length: 50 }, (_, index) => `${index} `)
    const { body } = pieces(...texts)
    const [fast, slow, late] = await share(async () => new Response(body), undefined, undefined, undefined)
    const reader = slow!.body!.getReader()
    const decode = async (): Promise<string> => Buffer.from((await reader.read()).value ?? []).toString()
    let slowText = await decode()
    expect(await fast!.text()).toBe(texts.join(''))
    for (let text = await decode(); text; text = await decode()) slowText += text
    expect(slowText).toBe(texts.join(''))
    expect(await late!.text()).toBe(texts.join(''))
  })

  it('can be large and read by two at once', async () => {
    const sent = 'x'.repeat(3_000_000)
    await using server = await startServer(reply(200, sent))
    const responses = await share(from(server.url), undefined, undefined)
    const texts = await Promise.all(responses.map((response) => response.text()))
    expect(texts.map((text) => text === sent)).toEqual([true, true])
  })

  it('is not read ahead of the fastest reader', async () => {
    const { body, asked } = pieces('a', 'b', 'c')
    const [one, two] = await share(async () => new Response(body), undefined, undefined)
    await new Promise(setImmediate)
    expect(asked()).toBe(0)
    await one!.body!.getReader().read()
    const reader = two!.body!.getReader()
    await reader.read()
    await new Promise(setImmediate)
    expect(asked()).toBe(1)
    await reader.read()
    expect(asked()).toBe(2)
  })

  it('is not delayed by a caller that does not read it', async () => {
    const { body } = pieces('a', 'b', 'c')
    const [one] = await share(async () => new Response(body), undefined, undefined)
    expect(await one!.text()).toBe('abc')
  })

  it('ends at once for a caller whose signal aborts, and only for that one', async () => {
    const release = Promise.withResolvers<void>()
    await using server = await startServer(async (_request, response) => {
      response.writeHead(200).write('he')
      await release.promise
      response.end('llo')
    })
    const aborter = new AbortController()
    const [one, two, three] = await share(from(server.url), aborter.signal, aborter.signal, undefined)
    const reader = one!.body!.getReader()
    await reader.read()
    const rest = reader.read()
    aborter.abort(new Error('no time'))
    await expect(rest).rejects.toThrow('no time')
    await expect(two!.text()).rejects.toThrow('no time')
    expect(listeners(aborter.signal)).toEqual([0])
    release.resolve()
    expect(await three!.text()).toBe('hello')
  })

  it('is cancelled when all callers have aborted or cancelled', async () => {
    await using server = await startServer(stall)
    const aborter = new AbortController()
    const [one, two, three] = await share(from(server.url), aborter.signal, undefined, undefined)
    const reader = two!.body!.getReader()
    await reader.read()
    await reader.cancel()
    aborter.abort()
    await expect(one!.text()).rejects.toThrow('aborted')
    expect(server.open).toBe(1)
    await three!.body!.cancel()
    await until(() => server.open === 0)
  })

  it('is cancelled when the only caller aborts while it is being read', async () => {
    await using server = await startServer(stall)
    const aborter = new AbortController()
    const [one] = await share(from(server.url), aborter.signal)
    const text = one!.text()
    aborter.abort(new Error('no time'))
    await expect(text).rejects.toThrow('no time')
    await until(() => server.open === 0)
  })

  it('fails every reader when it is cut short', async () => {
    await using server = await startServer(truncate)
    const { signal } = new AbortController()
    const responses = await share(from(server.url), signal, undefined)
    for (const response of responses) await expect(response.text()).rejects.toThrow('terminated')
    expect(listeners(signal)).toEqual([0])
  })

  it.each<[string, (response: Response) => unknown]>([
    ['read', (response) => response.text()],
    ['cancelled', (response) => response.body!.cancel()],
  ])('leaves no listener behind once %s', async (_how, finish) => {
    await using server = await startServer(reply(200, 'hello'))
    const { signal } = new AbortController()
    const [response] = await share(from(server.url), signal)
    expect(listeners(signal)).toEqual([1])
    await finish(response!)
    expect(listeners(signal)).toEqual([0])
  })

  it('frees its connection and its listeners when no caller reads or holds it, even if the signal lives on', async () => {
    await using server = await startServer(stall)
    const { signal } = new AbortController()
    const drop = async (): Promise<void> => {
      await share(from(server.url), signal, signal)
    }
    await drop()
    expect(listeners(signal)).toEqual([2])
    await collectUntil(() => server.open === 0 && listeners(signal)[0] === 0)
  })

  it('waits for its reader during garbage collection', async () => {
    await using server = await startServer(reply(200, 'hello'))
    const [response] = await share(from(server.url), new AbortController().signal, undefined)
    const garbage = new WeakRef({})
    await collectUntil(() => garbage.deref() === undefined)
    expect(await response!.text()).toBe('hello')
  })
})
