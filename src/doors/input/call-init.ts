import type { CallInit, FetchInput } from '../../typed/call-input.ts'
import { isPriority } from '../../limit/priority.ts'
import { copyFetchBody, copyHeaders } from './copy.ts'

/** The members of an init that fetch reads. If the init is not a plain object, they may be inherited, or getters. */
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
 * Returns a copy of the init of a call, with copies of its headers and body. Members that fetch does not know
 * (`params`, `query`, `json`, `deadline`, `priority`) are kept if `isOwn`, that is if the input is a route key or a
 * relative path. Beside a URL or a Request, they belong to the library that has passed them, and are left out.
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

/**
 * Returns copies of the arguments of fetch, for a call that is sent later. The caller may change the objects before
 * that.
 */
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

/** Throws what fetch throws if the init is not an object. */
export function refusePrimitive(init: unknown): void {
  if (init === undefined || init === null || typeof init === 'object' || typeof init === 'function') return
  void new Request('http://localhost', init)
}

/** Throws if the init has a dispatcher: requests to the service go through the client's pools. */
export function refuseDispatcher(init: CallInit | undefined, origin: string): void {
  if (init instanceof Request || (init && Reflect.get(init, 'dispatcher')) == null) return
  throw new TypeError(
    `init.dispatcher cannot be used for ${origin}: its client picks the instance and the connection; ` +
      `pass it to createClient() as transport: () => dispatcher`,
  )
}
