import { Readable } from 'node:stream'
import type { AnswerBody } from './answer-body.ts'
import { bodyStream } from './body-stream.ts'
import { fetchedHeaders, ownHeaders, type AnswerHeaders } from './fetched-headers.ts'
import { standInStream } from './stand-in-stream.ts'

/** What an answer brought. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: AnswerHeaders
  /** Undefined for the answers that have none, whatever was sent: those to HEAD, and with status 204. */
  readonly body: AnswerBody | undefined
  /** Without a fragment. */
  readonly url: string
  readonly type: Response['type']
}

let platform: typeof Response | undefined

/**
 * The global Response, as it was at the first fast call. Not at import: to look at it loads the platform's undici, which
 * the first fetch would load.
 */
export function platformResponse(): typeof Response {
  return (platform ??= globalThis.Response)
}

/** What frees the connection of a response that was collected. */
interface Held {
  readonly body: AnswerBody
  stream: WeakRef<ReadableStream> | undefined
}

/** As in fetch: a response that nobody can read any more frees its connection, unless its stream has a reader. */
const collected = new FinalizationRegistry<Held>(({ body, stream }) => {
  if (!stream) {
    body.cancel(new Error('Response object has been garbage collected'))
    return
  }
  const left = stream.deref()
  if (!left || left.locked || Readable.isDisturbed(left as unknown as Readable)) return
  left.cancel('Response object has been garbage collected').catch(() => {})
})

const utf8 = new TextDecoder()

/** One response: what it answers by itself, and what stands behind it for the rest. */
class State {
  readonly answer: Answer
  /** Undefined while it is being made. */
  owner: Response | undefined = undefined
  isRead = false
  #headers: Headers | undefined
  #behind: Response | undefined
  #held: Held | undefined

  constructor(answer: Answer, behind: Response | undefined) {
    this.answer = answer
    this.#behind = behind
  }

  get headers(): Headers {
    return (this.#headers ??= fetchedHeaders(this.answer.headers))
  }

  get bodyUsed(): boolean {
    return this.isRead || this.#behind?.bodyUsed === true
  }

  /** The body, if nobody has touched it. */
  get fresh(): AnswerBody | undefined {
    return this.isRead || this.#behind ? undefined : this.answer.body
  }

  /** The platform's own, which knows what to do, and how to refuse. */
  behind(owner: Response): Response {
    if (this.#behind) return this.#behind
    const PlatformResponse = platformResponse()
    const { status, statusText, headers, body } = this.answer
    const init = { status, statusText, headers: ownHeaders(headers) }
    if (this.isRead) {
      this.#behind = new PlatformResponse('read', init)
      void this.#behind.text()
    } else {
      this.#behind = new PlatformResponse(body ? bodyStream(body) : null, init)
      this.hold(owner)
    }
    return this.#behind
  }

  /** For whoever asks the platform for the stream. */
  stream(): ReadableStream | undefined {
    return (this.owner && this.behind(this.owner).body) ?? undefined
  }

  /** Sees to it that the connection and the signal are free once `owner` is collected. */
  hold(owner: Response): void {
    const { body } = this.answer
    if (!body || (body.isOver && !body.isHeeding)) return
    const stream = this.#behind?.body ? new WeakRef(this.#behind.body) : undefined
    if (this.#held) this.#held.stream = stream
    else collected.register(owner, (this.#held = { body, stream }), this)
  }

  letGo(): void {
    if (this.#held) collected.unregister(this)
  }
}

/** What needs nobody behind it. */
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

/** What is made of the bytes of a body that nobody has touched. */
const CONVERSIONS: Readonly<Record<string, (all: Buffer) => unknown>> = {
  text: (all) => decode(all),
  json: (all) => JSON.parse(decode(all)),
  arrayBuffer: (all) => new Uint8Array(all).buffer,
  bytes: (all) => new Uint8Array(all),
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** As the platform does it: it takes away a byte order mark, and so does its decoder. */
function decode(all: Buffer): string {
  return utf8.decode(all[0] === MARK[0] && MARK.equals(all.subarray(0, 3)) ? all.subarray(3) : all)
}

type LazyClass = new (state: State) => Response

let known: LazyClass | undefined

/**
 * A Response that makes only what is asked for. Its text, JSON and bytes are read from the body's pieces. For everything
 * else there is a Response of the platform behind it, made at the first touch: for its body's stream, clones, blobs and
 * forms, and for the errors of a body that was read already.
 */
export function lazyResponse(answer: Answer): Response {
  return withState(new State(answer, undefined))
}

function withState(state: State): Response {
  const made = new (known ??= lazyClass(platformResponse()))(state)
  state.hold(made)
  return made
}

function clone(owner: Response, state: State): Response {
  const copy = withState(new State(state.answer, state.behind(owner).clone()))
  // The original's stream is another one now.
  state.hold(owner)
  return copy
}

type StateOf = (value: object) => State | undefined

/**
 * With every member of the platform's Response, those of later versions of Node too, in the place of its own: it would
 * see no headers and no URL. On whatever is none of ours it is the platform's, with the platform's error. A method that
 * somebody has put in the place of the platform's is called as it would be on a fetched response.
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
    if (get) Object.defineProperty(prototype, name, { ...member, get: getter(name, get, stateOf) })
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
    return own ? own(state) : ofPlatform.call(state.behind(this))
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
      const body = convert && state.fresh
      if (!body) return Reflect.apply(ofPlatform, state.behind(this), args)
      state.isRead = true
      state.letGo()
      return body.read(convert)
    },
  }
  return named[name]
}
