import { Readable } from 'node:stream'
import type { AnswerBody } from './answer-body.ts'
import { bodyStream } from './body-stream.ts'
import { appendAll, fetchedHeaders, type AnswerHeaders } from './fetched-headers.ts'

/** What an answer brought. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: AnswerHeaders
  readonly body: AnswerBody
  /** Without a fragment. */
  readonly url: string
  readonly type: Response['type']
}

/** The class of what fetch returns, if nobody has replaced it: whoever asks compares. */
export const PlatformResponse: typeof Response = globalThis.Response

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
  if (!left || left.locked || Readable.isDisturbed(left as unknown as NodeJS.ReadableStream as Readable)) return
  left.cancel('Response object has been garbage collected').catch(() => {})
})

const utf8 = new TextDecoder()

/** One response: what it answers by itself, and what stands behind it for the rest. */
class State {
  readonly answer: Answer
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

  /** Whether nobody has touched the body. */
  get isFresh(): boolean {
    return !this.isRead && this.#behind === undefined
  }

  /** The platform's own, which knows what to do, and how to refuse. */
  behind(owner: Response): Response {
    if (this.#behind) return this.#behind
    const { status, statusText, headers, body } = this.answer
    const init = { status, statusText, headers: appendAll(new Headers(), headers) }
    if (this.isRead) {
      this.#behind = new PlatformResponse('read', init)
      void this.#behind.text()
    } else {
      this.#behind = new PlatformResponse(bodyStream(body), init)
      this.hold(owner)
    }
    return this.#behind
  }

  /** Sees to it that the connection is free once `owner` is collected. What has come to its end holds none. */
  hold(owner: Response): void {
    const { body } = this.answer
    if (body.isOver) return
    const stream = this.#behind?.body ? new WeakRef(this.#behind.body) : undefined
    if (this.#held) this.#held.stream = stream
    else collected.register(owner, (this.#held = { body, stream }), this)
  }

  letGo(): void {
    if (this.#held) collected.unregister(this)
  }
}

let stateOf: (value: object) => State | undefined

/**
 * A Response that makes only what is asked for. Its text, JSON and bytes are read from the body's pieces. For everything
 * else there is a Response of the platform behind it, made at the first touch: for its body's stream, clones, blobs and
 * forms, and for the errors of a body that was read already.
 */
export class LazyResponse extends PlatformResponse {
  readonly #state: State

  constructor(answer: Answer, behind?: Response) {
    super(null)
    this.#state = new State(answer, behind)
    this.#state.hold(this)
  }

  static {
    stateOf = (value) => (#state in value ? value.#state : undefined)
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

function clone(owner: Response, state: State): Response {
  const copy = new LazyResponse(state.answer, state.behind(owner).clone())
  // The original's stream is another one now.
  state.hold(owner)
  return copy
}

/**
 * Every member of the platform's Response, those of later versions of Node too, in the place of its own: it would see an
 * empty body. On whatever is none of ours it is the platform's, with the platform's error.
 */
for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(PlatformResponse.prototype))) {
  const { get, value } = member as { get?: () => unknown; value?: unknown }
  if (get) Object.defineProperty(LazyResponse.prototype, name, { ...member, get: getter(name, get) })
  else if (name !== 'constructor' && typeof value === 'function') {
    const own = method(name, value as (...args: unknown[]) => unknown)
    Object.defineProperty(LazyResponse.prototype, name, { ...member, value: own })
  }
}
Object.defineProperty(LazyResponse.prototype, 'constructor', { value: PlatformResponse })

function getter(name: string, platform: () => unknown): (this: Response) => unknown {
  const own = OWN_GETTERS[name]
  return function get(this: Response): unknown {
    const state = stateOf(Object(this) as object)
    if (!state) return platform.call(this)
    return own ? own(state) : platform.call(state.behind(this))
  }
}

function method(
  name: string,
  platform: (...args: unknown[]) => unknown,
): (this: Response, ...args: unknown[]) => unknown {
  const convert = CONVERSIONS[name]
  const named = {
    [name](this: Response, ...args: unknown[]): unknown {
      const state = stateOf(Object(this) as object)
      if (!state) return Reflect.apply(platform, this, args)
      if (name === 'clone') return clone(this, state)
      if (!convert || !state.isFresh) return Reflect.apply(platform, state.behind(this), args)
      state.isRead = true
      state.letGo()
      return state.answer.body.all().then(convert)
    },
  }
  return named[name] as (this: Response, ...args: unknown[]) => unknown
}
