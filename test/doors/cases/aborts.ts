import { setTimeout as sleep } from 'node:timers/promises'
import { hang, ok, stall, type Answer } from '../../support/http-server.ts'
import { describeError } from '../observe.ts'
import { stream, type Case, type Init } from './case.ts'

interface Abort {
  readonly signal: AbortSignal
  now(): void
  /** The server has received the request. */
  readonly arrived: () => Promise<void>
}

/** A call that is aborted at one moment, with each kind of reason. Its body is read to the end. */
const aborted = (
  moment: string,
  answer: Answer,
  run: (call: (init?: Init) => Promise<Response>, abort: Abort) => Promise<unknown>,
): readonly Case[] =>
  [undefined, new Error('mine'), 'a string', null].map((reason) => ({
    name: `${moment}, with ${reason === undefined ? 'no reason' : String(reason)}`,
    answers: [answer],
    call: async (fetch, url, { arrived }) => {
      const controller = new AbortController()
      const { signal } = controller
      const call = (init?: Init): Promise<Response> => fetch(`${url}/`, { ...init, signal })
      try {
        const value = await run(call, { signal, arrived, now: () => controller.abort(reason) })
        return Response.json({ value })
      } catch (error) {
        return Response.json({ error: describeError(error), isReason: error === signal.reason })
      }
    },
  }))

export const aborts: readonly Case[] = [
  ...aborted('before the call', ok, (call, abort) => {
    abort.now()
    return call()
  }),
  ...aborted('right after the call', ok, (call, abort) => {
    const calling = call()
    abort.now()
    return calling
  }),
  ...aborted('while waiting for headers', hang, async (call, abort) => {
    const calling = call()
    await abort.arrived()
    abort.now()
    return calling
  }),
  ...aborted('during the upload of a stream', hang, async (call, abort) => {
    const calling = call({ method: 'POST', body: stream('first', 60_000, 'never'), duplex: 'half' })
    await abort.arrived()
    abort.now()
    return calling
  }),
  ...aborted('before the body is read', stall, async (call, abort) => {
    const response = await call()
    abort.now()
    return response.text()
  }),
  ...aborted('while the body is read', stall, async (call, abort) => {
    const reading = (await call()).text()
    await sleep(5)
    abort.now()
    return reading
  }),
  ...aborted('by a reader of the body', stall, async (call, abort) => {
    const reader = (await call()).body!.getReader()
    await reader.read()
    abort.now()
    return reader.read()
  }),
  ...aborted('after the body was read', ok, async (call, abort) => {
    const response = await call()
    const text = await response.text()
    abort.now()
    return [text, response.bodyUsed]
  }),
  {
    name: 'by the signal of a Request',
    answers: [hang],
    call: async (fetch, url, { arrived }) => {
      const controller = new AbortController()
      const calling = fetch(new Request(url, { signal: controller.signal }))
      await arrived()
      controller.abort(new Error('mine'))
      return calling
    },
  },
  {
    name: 'by AbortSignal.timeout',
    answers: [hang],
    call: (fetch, url) => fetch(url, { signal: AbortSignal.timeout(500) }),
  },
  {
    name: 'by cancelling the body',
    answers: [stall],
    call: async (fetch, url) => {
      const response = await fetch(url)
      await response.body!.cancel('enough')
      return Response.json({ bodyUsed: response.bodyUsed })
    },
  },
  {
    name: 'by leaving a loop over the body',
    answers: [stall],
    call: async (fetch, url) => {
      const response = await fetch(url)
      const pieces: string[] = []
      for await (const piece of response.body!) {
        pieces.push(Buffer.from(piece).toString())
        break
      }
      return Response.json({ pieces, bodyUsed: response.bodyUsed })
    },
  },
]
