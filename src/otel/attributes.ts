import { SpanKind, type Attributes } from '@opentelemetry/api'
import type { AttemptStartEvent, CallStartEvent } from '../observe/events.ts'
import { idLabel } from '../observe/labels.ts'
import { socketPath } from '../registry/origin.ts'
import type { Instance } from '../registry/source.ts'

/** The methods that OpenTelemetry's HTTP conventions name (RFC 9110, and PATCH of RFC 5789). */
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

/** Returns the path of a route key: `/users/{id}` for `GET /users/{id}`. */
export function templateOf(route: string): string {
  return route.slice(route.indexOf(' ') + 1)
}

type Scheme = 'http' | 'https'

/** Cached attributes, by service. A process has few services. */
const servers: Record<Scheme, Map<string, Attributes>> = { http: new Map(), https: new Map() }
const MAX_SERVERS = 1_000

/**
 * Returns the server as callers address it: the service's host, and the port from its name or the default port
 * of the scheme.
 */
export function serverOf(service: string, scheme: Scheme): Attributes {
  const known = servers[scheme].get(service)
  if (known) return known
  const at = /:(\d+)$/.exec(service)
  const address = (at ? service.slice(0, at.index) : service).replaceAll(/^\[|\]$/g, '')
  const port = at ? Number(at[1]) : scheme === 'https' ? 443 : 80
  const server = { 'server.address': address, 'server.port': port }
  if (servers[scheme].size < MAX_SERVERS) servers[scheme].set(service, server)
  return server
}

const peers = new WeakMap<Instance, Attributes>()

/** Returns the server that receives the request. */
function peerOf(instance: Instance): Attributes {
  let peer = peers.get(instance)
  if (!peer)
    peers.set(instance, (peer = { ...peerAt(instance.url), 'outrigger.instance.id': idLabel(instance.id) }))
  return peer
}

function peerAt(url: string): Attributes {
  const path = socketPath(url)
  if (path !== undefined) return { 'network.peer.address': path, 'network.transport': 'unix' }
  const { hostname, port, protocol } = new URL(url)
  return {
    'network.peer.address': hostname.replaceAll(/^\[|\]$/g, ''),
    'network.peer.port': Number(port) || (protocol === 'https:' ? 443 : 80),
  }
}

export function schemeOf({ url }: Instance): Scheme {
  return url.startsWith('https:') ? 'https' : 'http'
}

/** The name of an attempt's span. It must have few values: `GET /users/{id}`. */
export function attemptName({ method, route }: CallStartEvent): string {
  if (method === undefined) return route === undefined ? 'execute' : `execute ${route}`
  const known = knownMethod(method)
  const verb = known === OTHER ? 'HTTP' : known
  return route === undefined ? verb : `${verb} ${templateOf(route)}`
}

/** An attempt through `execute` may send any request, or none, so its span is not an HTTP span. */
export function attemptKind({ door }: CallStartEvent): SpanKind {
  return door === 'execute' ? SpanKind.INTERNAL : SpanKind.CLIENT
}

/**
 * Returns the attributes that are known when an attempt starts. `resends` is the number of earlier requests of
 * this call.
 */
export function attemptAttributes(attempt: AttemptStartEvent, resends: number): Attributes {
  const { service, id, method, route, path, instance, hedge } = attempt
  const scheme = schemeOf(instance)
  // Set the properties one by one: a spread for each optional one takes several times as long.
  const attributes: Attributes = { ...serverOf(service, scheme), ...peerOf(instance) }
  if (method !== undefined) {
    addMethod(attributes, method)
    attributes['url.scheme'] = scheme
    attributes['url.full'] = `${scheme}://${service}${path ?? '/REDACTED'}`
    if (resends > 0) attributes['http.request.resend_count'] = resends
  }
  if (route !== undefined) attributes['url.template'] = templateOf(route)
  attributes['outrigger.call.id'] = id
  if (hedge) attributes['outrigger.hedge'] = true
  return attributes
}

/** Returns the attributes that are known when a call starts. */
export function callAttributes({ service, id, door, method, route }: CallStartEvent): Attributes {
  const attributes: Attributes = {
    'server.address': hostOf(service),
    'outrigger.call.id': id,
    'outrigger.door': door,
  }
  if (method !== undefined) addMethod(attributes, method)
  if (route !== undefined) attributes['url.template'] = templateOf(route)
  return attributes
}

/** Returns only `server.address`. */
export function hostOf(service: string): string {
  return String(serverOf(service, 'http')['server.address'])
}

function addMethod(attributes: Attributes, method: string): void {
  const known = knownMethod(method)
  attributes['http.request.method'] = known
  if (known === OTHER) attributes['http.request.method_original'] = method
}
