import type { CallInit, FetchInput } from '../../typed/call-input.ts'
import { isPriority } from '../../limit/priority.ts'
import { copyFetchBody, copyHeaders } from './copy.ts'

/** What fetch reads of an init that is not a plain object: its members may be inherited, or getters. */
const FETCH_MEMBERS: readonly string[] = [
  'method',
  'headers',
  'body',
  'redirect',
  'signal',
  'credentials',
  'cache',
  'mode',
  'integrity',
  'keepalive',
  'referrer',
  'referrerPolicy',
  'duplex',
  'dispatcher',
]

/**
 * The init of one call: an object of our own, with headers and body as they are now. The members that are not fetch's
 * (`params`, `query`, `json`, `deadline`, `priority`) are ours only where the input is `ours`, a route key or a relative
 * path. Beside a URL or a Request they belong to the library that passed them.
 */
export function readInit(init: CallInit | undefined, isOwn: boolean): CallInit | undefined {
  if (init === undefined || init === null || init instanceof Request) return init ?? undefined
  const read: CallInit = isOwn ? { ...init } : withoutOwnMembers(init)
  if (!isPlain(init)) {
    for (const name of FETCH_MEMBERS) {
      const value: unknown = Reflect.get(init, name)
      if (value !== undefined) Reflect.set(read, name, value)
    }
  }
  if (read.headers) read.headers = copyHeaders(read.headers)
  if (read.body) read.body = copyFetchBody(read.body)
  return read
}

/** A call of fetch as it is now, for a caller who may change his objects before it is sent. */
export function copyCall(
  input: FetchInput,
  init: RequestInit | undefined,
): [input: FetchInput, init: RequestInit | undefined] {
  if (!(input instanceof Request) && !(init instanceof Request)) {
    return [String(input), readInit(init, false) as RequestInit | undefined]
  }
  const dispatcher: unknown = init instanceof Request ? undefined : Reflect.get(init ?? {}, 'dispatcher')
  return [new Request(input, init), dispatcher == null ? undefined : ({ dispatcher } as RequestInit)]
}

function withoutOwnMembers(init: CallInit): CallInit {
  const { params: _params, query: _query, json: _json, deadline: _deadline, priority, ...rest } = init
  return priority === undefined || isPriority(priority) ? rest : { ...rest, priority }
}

function isPlain(init: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(init)
  return prototype === Object.prototype || prototype === null
}

/** Throws what fetch throws on an init that is no object. */
export function refusePrimitive(init: unknown): void {
  if (init === undefined || init === null || typeof init === 'object' || typeof init === 'function') return
  void new Request('http://localhost', init)
}

/** Throws on a dispatcher of the caller's: the service's own requests go through the pools of the client. */
export function refuseDispatcher(init: CallInit | undefined, origin: string): void {
  if (init instanceof Request || (init && Reflect.get(init, 'dispatcher')) == null) return
  throw new TypeError(
    `init.dispatcher is not used for ${origin}, whose client picks an instance and its connections: ` +
      `give it to createClient() as transport: () => dispatcher`,
  )
}
