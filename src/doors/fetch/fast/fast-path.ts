import { isBuiltInFetch, type FetchDispatcher } from '../../../attempt/platform.ts'
import { platformResponse } from '../../../response/lazy-response.ts'
import type { Target } from '../../plan/target.ts'
import { FirstResponse, RecordingDispatcher, ReplayDispatcher } from './first-response.ts'
import { HeaderTemplate, type HeaderTemplates } from './header-templates.ts'
import { plainCall, type PlainCall } from './plain-call.ts'

/** A call that can also be made through fetch, with the given dispatcher below it. */
export interface ThroughFetch {
  throughFetch(dispatcher: FetchDispatcher): Promise<Response>
}

/**
 * Makes a plain call without the platform's fetch. It sends the request that fetch would send, and returns a Response
 * that makes only what is asked for. The first call of each shape goes through fetch, to learn its headers. A
 * response that is not plain also goes through fetch, without a second request.
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

  /** Returns undefined if fetch must make the call. */
  static create(
    templates: HeaderTemplates,
    target: Target,
    init: RequestInit | undefined,
  ): FastPath | undefined {
    const { origin, method, path, url } = target
    // A replacement of fetch must see each call. fetch leaves out an empty query.
    if (!isBuiltInFetch() || url.includes('#') || path.endsWith('?')) return undefined
    const call = init ? plainCall(origin, method, init) : templates.bareGet(origin)
    return call && templates.get(call) !== null ? new FastPath(templates, target, call) : undefined
  }

  /** Makes one try. */
  send(transfer: FetchDispatcher, call: ThroughFetch): Promise<Response> {
    const template = this.#templates.get(this.#call)
    return template ? this.#sendDirectly(template, transfer, call) : this.#sendAndLearn(transfer, call)
  }

  async #sendAndLearn(transfer: FetchDispatcher, call: ThroughFetch): Promise<Response> {
    const recording = new RecordingDispatcher(transfer)
    const response = await call.throughFetch(recording)
    const { first, redirects } = recording
    if (!first || redirects > 0) return response
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
      // The call has ended already, with this reason.
      if (signal?.aborted) throw signal.reason
      return isPlain
        ? answer.response(url, template.type, signal)
        : call.throughFetch(new ReplayDispatcher(answer, transfer))
    })
  }
}
