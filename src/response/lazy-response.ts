import { Readable } from 'node:stream'
import type { AnswerBody } from './answer-body.ts'
import { bodyStream } from './body-stream.ts'
import { fetchedHeaders, mutableHeaders, type AnswerHeaders } from './fetched-headers.ts'
import { standInStream } from './stand-in-stream.ts'

/** The parts of a response that undici has received. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: AnswerHeaders
  /** Undefined for responses that never have a body: to HEAD, and with status 204. */
  readonly body: AnswerBody | undefined
  /** The URL without a fragment. */
  readonly url: string
  readonly type: Response['type']
}

let platform: typeof Response | undefined

/**
 * Returns the global Response as it was at the first fast call. Not at import: reading the global loads the platform's
 * undici, which would otherwise be loaded by the first fetch.
 */
export function platformResponse(): typeof Response {
  return (platform ??= globalThis.Response)
}

/** What is needed to free the connection of a garbage-collected response. */
interface Collectable {
  readonly body: AnswerBody
  stream: WeakRef<ReadableStream> | undefined
}

/** A response that can no longer be read frees its connection, as in fetch, unless its stream has a reader. */
const collected = new FinalizationRegistry<Collectable>(({ body, stream }) => {
  if (!stream) {
    body.cancel(new Error('Response object has been garbage collected'))
    return
  }
  const unread = stream.deref()
  if (!unread || unread.locked || Readable.isDisturbed(unread as unknown as Readable)) return
  unread.cancel('Response object has been garbage collected').catch(() => {})
})

const utf8 = new TextDecoder()

/** The state of one response: what it can answer itself, and the platform's Response for everything else. */
class State {
  readonly answer: Answer
  /** Undefined while the response is being constructed. */
  owner: Response | undefined = undefined
  isRead = false
  #headers: Headers | undefined
  #full: Response | undefined
  #collectable: Collectable | undefined

  constructor(answer: Answer, full: Response | undefined) {
    this.answer = answer
    this.#full = full
  }

  get headers(): Headers {
    return (this.#headers ??= fetchedHeaders(this.answer.headers))
  }

  get bodyUsed(): boolean {
    return this.isRead || this.#full?.bodyUsed === true
  }

  /** The body, if it has not been read or given to the platform's Response. */
  get unreadBody(): AnswerBody | undefined {
    return this.isRead || this.#full ? undefined : this.answer.body
  }

  /**
   * Returns the platform's Response for this one. It implements all members that are not implemented here, including
   * their errors.
   */
  fullResponse(owner: Response): Response {
    if (this.#full) return this.#full
    const PlatformResponse = platformResponse()
    const { status, statusText, headers, body } = this.answer
    const init = { status, statusText, headers: mutableHeaders(headers) }
    if (this.isRead) {
      this.#full = new PlatformResponse('read', init)
      void this.#full.text()
    } else {
      this.#full = new PlatformResponse(body ? bodyStream(body) : null, init)
      this.registerForCollection(owner)
    }
    return this.#full
  }

  /** Used when the platform asks for the stream. */
  stream(): ReadableStream | undefined {
    return (this.owner && this.fullResponse(this.owner).body) ?? undefined
  }

  /** Frees the connection and the signal when `owner` is garbage-collected. */
  registerForCollection(owner: Response): void {
    const { body } = this.answer
    if (!body || (body.isOver && !body.hasSignal)) return
    const stream = this.#full?.body ? new WeakRef(this.#full.body) : undefined
    if (this.#collectable) this.#collectable.stream = stream
    else collected.register(owner, (this.#collectable = { body, stream }), this)
  }

  unregister(): void {
    if (this.#collectable) collected.unregister(this)
  }
}

/** The getters that need no Response of the platform. */
const OWN_GETTERS: Readonly<Record<string, (state: State) => unknown>> = {
  status: ({ answer }) => answer.status,
  ok: ({ answer }) => answer.status >= 200 && answer.status <= 299,
  statusText: ({ answer }) => answer.statusText,
  url: ({ answer }) => answer.url,
  type: ({ answer }) => answer.type,
  redirected: () => false,
  headers: ({ headers }) => headers,
  bodyUsed: ({ bodyUsed }) => bodyUsed,
}

/** Converts the bytes of an unread body. */
const CONVERSIONS: Readonly<Record<string, (all: Buffer) => unknown>> = {
  text: (all) => decode(all),
  json: (all) => JSON.parse(decode(all)),
  arrayBuffer: (all) => new Uint8Array(all).buffer,
  bytes: (all) => new Uint8Array(all),
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** Decodes like the platform: it removes a byte order mark, and then its decoder removes another one. */
function decode(all: Buffer): string {
  return utf8.decode(
    all[0] === BYTE_ORDER_MARK[0] && BYTE_ORDER_MARK.equals(all.subarray(0, 3)) ? all.subarray(3) : all,
  )
}

type LazyClass = new (state: State) => Response

let known: LazyClass | undefined

/**
 * A Response that creates only what is asked for. Its text, JSON and bytes are read directly from the body's chunks.
 * For everything else it creates a Response of the platform when it is first needed: for the body's stream, clones,
 * blobs and forms, and for the errors of a body that was already read.
 */
export function lazyResponse(answer: Answer): Response {
  return withState(new State(answer, undefined))
}

function withState(state: State): Response {
  const made = new (known ??= lazyClass(platformResponse()))(state)
  state.registerForCollection(made)
  return made
}

function clone(owner: Response, state: State): Response {
  const copy = withState(new State(state.answer, state.fullResponse(owner).clone()))
  // `clone()` has replaced the stream of the original.
  state.registerForCollection(owner)
  return copy
}

type StateOf = (value: object) => State | undefined

/**
 * Makes a subclass that overrides every member of the platform's Response, including those of later Node versions: the
 * platform's own members would see no headers and no URL. On another object, a member behaves like the platform's and
 * throws its error. If user code has replaced a method of the platform's Response, the replacement is called, as on a
 * fetched response.
 */
function lazyClass(Platform: typeof Response): LazyClass {
  class LazyResponse extends Platform {
    readonly #state: State

    constructor(state: State) {
      const { status, statusText, body } = state.answer
      super(body && new (standInStream())(state), { status, statusText })
      state.owner = this
      this.#state = state
    }

    static readonly stateOf: StateOf = (value) => (#state in value ? value.#state : undefined)
  }
  const { prototype, stateOf } = LazyResponse
  for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(Platform.prototype))) {
    const { get, value } = member as { get?: () => unknown; value?: unknown }
    if (get)
      Object.defineProperty(prototype, name, {
        ...member,
        get: getter(name, get, stateOf),
      })
    else if (name !== 'constructor' && typeof value === 'function') {
      const own = method(Platform, name, value as Method, stateOf)
      Object.defineProperty(prototype, name, { ...member, value: own })
    }
  }
  Object.defineProperty(prototype, 'constructor', { value: Platform })
  return LazyResponse
}

function getter(name: string, ofPlatform: () => unknown, stateOf: StateOf): (this: Response) => unknown {
  const own = OWN_GETTERS[name]
  return function get(this: Response): unknown {
    const state = stateOf(Object(this) as object)
    if (!state) return ofPlatform.call(this)
    return own ? own(state) : ofPlatform.call(state.fullResponse(this))
  }
}

type Method = (this: Response, ...args: unknown[]) => unknown

function method(
  Platform: typeof Response,
  name: string,
  ofPlatform: Method,
  stateOf: StateOf,
): Method | undefined {
  const convert = CONVERSIONS[name]
  const named: Record<string, Method> = {
    [name](...args) {
      const now = Reflect.get(Platform.prototype, name) as Method
      const state = now === ofPlatform ? stateOf(Object(this) as object) : undefined
      if (!state) return Reflect.apply(now, this, args)
      if (name === 'clone') return clone(this, state)
      const body = convert && state.unreadBody
      if (!body) return Reflect.apply(ofPlatform, state.fullResponse(this), args)
      state.isRead = true
      state.unregister()
      return body.read(convert)
    },
  }
  return named[name]
}
