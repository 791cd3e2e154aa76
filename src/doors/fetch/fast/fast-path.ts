import { isBuiltIn, type FetchDispatcher } from '../../../attempt/platform.ts'
import { platformResponse } from '../../../response/lazy-response.ts'
import type { Target } from '../../plan/target.ts'
import { FirstAnswer, Listening, Replay } from './first-response.ts'
import type { Learned } from './header-templates.ts'
import { plainCall, SentHeaders, type PlainCall } from './plain-call.ts'

/** Whose call it is: it can be sent through fetch too, with a dispatcher of ours below it. */
export interface ThroughFetch {
  throughFetch(dispatcher: FetchDispatcher): Promise<Response>
}

/**
 * A plain call past the platform's fetch: the request that it would send, and a Response that makes only what is asked
 * for. The first call of each shape goes through fetch, which shows its headers. So does each answer that is not plain,
 * without another request.
 */
export class PlainDoor {
  readonly #learned: Learned
  readonly #target: Target
  readonly #call: PlainCall

  private constructor(learned: Learned, target: Target, call: PlainCall) {
    this.#learned = learned
    this.#target = target
    this.#call = call
  }

  /** Undefined if fetch is to make the call. */
  static for(learned: Learned, target: Target, init: RequestInit | undefined): PlainDoor | undefined {
    const { origin, method, path, url } = target
    // Whoever has replaced fetch expects to see each call. An empty query is left out by fetch.
    if (!isBuiltIn() || url.includes('#') || path.endsWith('?')) return undefined
    const call = init ? plainCall(origin, method, init) : learned.bare(origin)
    return call && learned.of(call) !== null ? new PlainDoor(learned, target, call) : undefined
  }

  /** One try. */
  send(transfer: FetchDispatcher, call: ThroughFetch): Promise<Response> {
    const sent = this.#learned.of(this.#call)
    return sent ? this.#past(sent, transfer, call) : this.#learn(transfer, call)
  }

  async #learn(transfer: FetchDispatcher, call: ThroughFetch): Promise<Response> {
    const listening = new Listening(transfer)
    const response = await call.throughFetch(listening)
    const { first, more } = listening
    if (!first || more > 0) return response
    const { method, path } = this.#target
    const isOurs = Object.getPrototypeOf(response) === platformResponse().prototype
    const isAsIs = isOurs && first.method === method && first.path === path
    this.#learned.keep(
      this.#call,
      isAsIs ? SentHeaders.learn(this.#call, first.headers, response.type) : undefined,
    )
    return response
  }

  #past(sent: SentHeaders, transfer: FetchDispatcher, call: ThroughFetch): Promise<Response> {
    const { origin, method, path, url } = this.#target
    const { body, signal } = this.#call
    const headers = sent.for(this.#call)
    const answer = new FirstAnswer(method)
    try {
      transfer.dispatch({ origin, method, path, headers, body }, answer)
    } catch (error) {
      return Promise.reject(error)
    }
    return answer.isPlain.then((isPlain) => {
      // The call has ended with it.
      if (signal?.aborted) throw signal.reason
      return isPlain
        ? answer.response(url, sent.type, signal)
        : call.throughFetch(new Replay(answer, transfer))
    })
  }
}
