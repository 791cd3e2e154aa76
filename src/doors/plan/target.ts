import { isIP } from 'node:net'
import type { LogicalHost } from '../../attempt/address.ts'
import { urlText } from '../../attempt/platform.ts'
import type { Plan } from '../../call/plan.ts'
import { quote } from '../../options.ts'
import { redactUrl } from '../../registry/origin.ts'
import { expandPath } from '../../routes/expand.ts'
import { appendQuery } from '../../routes/query.ts'
import type { CallInit, FetchInput } from '../../typed/call-input.ts'
import { pathOf } from '../../url.ts'
import { normalPath } from '../input/path.ts'
import type { Plans } from './plans.ts'

/** The members of an init that decide the target. */
type TargetInit = Pick<CallInit, 'method' | 'params' | 'query'>

/** Where a call to the service goes. */
export interface Target {
  /** The logical URL. Its scheme is the one that the caller asked for. */
  readonly url: string
  readonly origin: string
  readonly path: string
  readonly method: string
  readonly plan: Plan
}

/** The logical address of a service. Relative paths are resolved against its origin. */
export interface Logical extends LogicalHost {
  readonly origin: string
}

/**
 * A host name in any script (RFC 3490) or an IPv6 address in brackets, with an optional port. The URL parser checks
 * the details.
 */
const HOST = /^(?:\[[\da-fA-F:.]+\]|[\w.\-\u0080-\uffff]+)(?::\d+)?$/

/**
 * Returns the address of a service such as `user-service` or `user-service:8080`. Throws a TypeError for anything
 * else.
 */
export function logicalAddress(service: unknown): Logical {
  const url = typeof service === 'string' && HOST.test(service) ? URL.parse(`http://${service}`) : null
  if (!url) {
    throw new TypeError(`service must be a host name such as 'user-service', got ${quote(service)}`)
  }
  const { host, hostname, origin } = url
  const isAddress = hostname.startsWith('[') || isIP(hostname) !== 0
  return { host, origin, servername: isAddress ? '' : hostname }
}

/** True if the input is a route key or a path, which only this library understands. False for a URL or a Request. */
export function isOwnInput(input: FetchInput): input is string {
  if (typeof input !== 'string' || input.startsWith('//')) return false
  return input.startsWith('/') || isRouteKey(input) || !/^\s*[a-z][a-z\d+.-]*:/i.test(input)
}

/** True for a route key such as `'GET /users/{id}'`, false for a path or a URL. */
export function isRouteKey(input: string): boolean {
  return !input.startsWith('/') && /^(?:[A-Za-z]+|\*) \//.test(input)
}

/** Returns the method in upper case: the init's, or else the Request's, as in fetch. */
export function methodOf(init: TargetInit | undefined, input?: FetchInput): string {
  const method: unknown =
    init?.method ?? (typeof input !== 'string' && input instanceof Request ? input.method : 'GET')
  return method === 'GET' ? method : String(method).toUpperCase()
}

/** Returns the target of a call, or undefined if the call is for another host. */
export function resolveTarget(
  logical: Logical,
  plans: Plans,
  input: FetchInput,
  init: TargetInit | undefined,
): Target | undefined {
  const method = methodOf(init, input)
  if (typeof input === 'string') {
    if (input.startsWith('/') && !input.startsWith('//')) return byPath(logical, plans, method, input, init)
    if (isRouteKey(input)) return byKey(logical, plans, input, method, init)
    const { origin } = logical
    if (input.startsWith(origin) && input[origin.length] === '/') {
      return byPath(logical, plans, method, input.slice(origin.length), init)
    }
  }
  // fetch itself rejects an input that is no URL, and a URL with credentials.
  const url = typeof input === 'string' ? URL.parse(input, `${logical.origin}/`) : URL.parse(urlText(input))
  if (url?.host !== logical.host || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    return undefined
  }
  refuseParams(init, method, url.pathname)
  const path = appendQuery(pathOf(url), init?.query)
  const origin = `${url.protocol}//${url.host}`
  return {
    url: `${origin}${path}${url.hash}`,
    origin,
    path,
    method,
    plan: plans.match(method, path),
  }
}

/**
 * Returns the error for a method of the client that was given the URL of another host. The URL is shown without
 * credentials and query.
 */
export function anotherHost(method: string, { origin }: Logical, input: FetchInput): TypeError {
  return new TypeError(`${method} is for ${origin}, got ${quote(redactUrl(urlText(input)))}`)
}

function byPath(
  logical: Logical,
  plans: Plans,
  method: string,
  raw: string,
  init: TargetInit | undefined,
): Target {
  if (init?.params !== undefined && plans.declares(raw)) return byKey(logical, plans, raw, method, init)
  refuseParams(init, method, raw)
  const { origin } = logical
  const path = appendQuery(normalPath(raw, origin), init?.query)
  return { url: origin + path, origin, path, method, plan: plans.match(method, path) }
}

/**
 * Throws if params were given without a route key. They are not ignored, because the path may have been meant as a
 * key.
 */
function refuseParams(init: TargetInit | undefined, method: string, path: string): void {
  if (init?.params === undefined) return
  throw new TypeError(`params are for a route key: write '${method} ${path}', not '${path}'`)
}

function byKey(
  logical: Logical,
  plans: Plans,
  written: string,
  asked: string,
  init: TargetInit | undefined,
): Target {
  const { key, plan } = plans.byKey(written, asked)
  const method = key.method === '*' ? asked : key.method
  if (init?.method !== undefined && asked !== method) {
    throw new TypeError(`the route key says ${method}, and method says ${asked}: leave one out`)
  }
  const path = appendQuery(expandPath(key, init?.params), init?.query)
  const { origin } = logical
  return { url: origin + path, origin, path, method, plan }
}
