import { isBuiltInFetch, type FetchDispatcher } from '../../../attempt/platform.ts'
import { platformResponse } from '../../../response/lazy-response.ts'
import type { Target } from '../../plan/target.ts'
import { FirstResponse, RecordingDispatcher, ReplayDispatcher } from './first-response.ts'
import { HeaderTemplate, type HeaderTemplates } from './header-templates.ts'
import { plainCall, type PlainCall } from './plain-call.ts'

/** Whose call it is: it can be sent through fetch too, with a dispatcher of ours below it. */
export interface ThroughFetch {
  throughFetch(dispatcher: FetchDispatcher): Promise<Response>
}

/**
 * A plain call past the platform's fetch: the request that it would send, and a Response that makes only what is asked
 * for. The first call of each shape goes through fetch, which shows its headers. So does each answer that is not plain,
 * without another request.
 */
export class FastPath {
  readonly #templates: HeaderTemplates
  readonly #target: Target
  readonly #call: PlainCall

  private constructor(templates: HeaderTemplates, target: Target, call: PlainCall) {
    this.#templates = templates
    this.#target = target
    this.#call = call
  }

  /** Undefined if fetch is to make the call. */
  static create(
    templates: HeaderTemplates,
    target: Target,
    init: RequestInit | undefined,
  ): FastPath | undefined {
    const { origin, method, path, url } = target
    // Whoever has replaced fetch expects to see each call. An empty query is left out by fetch.
    if (!isBuiltInFetch() || url.includes('#') || path.endsWith('?')) return undefined
    const call = init ? plainCall(origin, method, init) : templates.bareGet(origin)
    return call && templates.get(call) !== null ? new FastPath(templates, target, call) : undefined
  }

  /** One try. */
  send(transfer: FetchDispatcher, call: ThroughFetch): Promise<Response> {
    const template = this.#templates.get(this.#call)
    return template ? this.#sendDirectly(template, transfer, call) : this.#sendAndLearn(transfer, call)
  }

  async #sendAndLearn(transfer: FetchDispatcher, call: ThroughFetch): Promise<Response> {
    const recording = new RecordingDispatcher(transfer)
    const response = await call.throughFetch(recording)
    const { first, more } = recording
    if (!first || more > 0) return response
    const { method, path } = this.#target
    const isOurs = Object.getPrototypeOf(response) === platformResponse().prototype
    const isAsIs = isOurs && first.method === method && first.path === path
    this.#templates.set(
      this.#call,
      isAsIs ? HeaderTemplate.learn(this.#call, first.headers, response.type) : undefined,
    )
    return response
  }

  #sendDirectly(template: HeaderTemplate, transfer: FetchDispatcher, call: ThroughFetch): Promise<Response> {
    const { origin, method, path, url } = this.#target
    const { body, signal } = this.#call
    const headers = template.headersFor(this.#call)
    const answer = new FirstResponse(method)
    try {
      transfer.dispatch({ origin, method, path, headers, body }, answer)
    } catch (error) {
      return Promise.reject(error)
    }
    return answer.isPlain.then((isPlain) => {
      // The call has ended with it.
      if (signal?.aborted) throw signal.reason
      return isPlain
        ? answer.response(url, template.type, signal)
        : call.throughFetch(new ReplayDispatcher(answer, transfer))
    })
  }
}
