import { SpanKind, type Attributes } from '@opentelemetry/api'
import type { AttemptStartEvent, CallStartEvent } from '../observe/events.ts'
import { socketPath } from '../registry/origin.ts'
import type { Instance } from '../registry/source.ts'

/** Of the HTTP conventions (RFC 9110, and PATCH of RFC 5789). */
const METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'TRACE',
])

const OTHER = '_OTHER'

export function knownMethod(method: string): string {
  return METHODS.has(method) ? method : OTHER
}

/** The path of a route key, `/users/{id}` of `GET /users/{id}`. */
export function templateOf(route: string): string {
  return route.slice(route.indexOf(' ') + 1)
}

/** Where callers think it goes: the service's host, and the port that its name or its scheme says. */
export function serverOf(service: string, scheme: 'http' | 'https'): Attributes {
  const at = /:(\d+)$/.exec(service)
  const address = (at ? service.slice(0, at.index) : service).replaceAll(/^\[|\]$/g, '')
  return { 'server.address': address, 'server.port': at ? Number(at[1]) : scheme === 'https' ? 443 : 80 }
}

/** Where it really goes. */
function peerOf({ url }: Instance): Attributes {
  const path = socketPath(url)
  if (path !== undefined) return { 'network.peer.address': path, 'network.transport': 'unix' }
  const { hostname, port, protocol } = new URL(url)
  return {
    'network.peer.address': hostname.replaceAll(/^\[|\]$/g, ''),
    'network.peer.port': Number(port) || (protocol === 'https:' ? 443 : 80),
  }
}

export function schemeOf({ url }: Instance): 'http' | 'https' {
  return url.startsWith('https:') ? 'https' : 'http'
}

/** The name of an attempt's span: of few values, `GET /users/{id}`. */
export function attemptName({ method, route }: CallStartEvent): string {
  if (method === undefined) return route === undefined ? 'execute' : `execute ${route}`
  const known = knownMethod(method)
  const verb = known === OTHER ? 'HTTP' : known
  return route === undefined ? verb : `${verb} ${templateOf(route)}`
}

/** An attempt through `execute` makes whatever request it likes, or none: it is no HTTP span. */
export function attemptKind({ door }: CallStartEvent): SpanKind {
  return door === 'execute' ? SpanKind.INTERNAL : SpanKind.CLIENT
}

/** What is known of an attempt when it starts; `resends` are the requests that this call has made before. */
export function attemptAttributes(attempt: AttemptStartEvent, resends: number): Attributes {
  const { service, id, method, route, path, instance, hedge } = attempt
  const scheme = schemeOf(instance)
  return {
    ...serverOf(service, scheme),
    ...peerOf(instance),
    ...(method !== undefined && {
      ...methodAttributes(method),
      'url.scheme': scheme,
      'url.full': `${scheme}://${service}${path ?? '/REDACTED'}`,
      ...(resends > 0 && { 'http.request.resend_count': resends }),
    }),
    ...(route !== undefined && { 'url.template': templateOf(route) }),
    'outrigger.call.id': id,
    'outrigger.instance.id': instance.id,
    ...(hedge && { 'outrigger.hedge': true }),
  }
}

/** What is known of a call when it starts. */
export function callAttributes({ service, id, door, method, route }: CallStartEvent): Attributes {
  return {
    'server.address': serverOf(service, 'http')['server.address'],
    ...(method !== undefined && methodAttributes(method)),
    ...(route !== undefined && { 'url.template': templateOf(route) }),
    'outrigger.call.id': id,
    'outrigger.door': door,
  }
}

function methodAttributes(method: string): Attributes {
  const known = knownMethod(method)
  return {
    'http.request.method': known,
    ...(known === OTHER && { 'http.request.method_original': method }),
  }
}
