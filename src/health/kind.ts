import { checkObject, quote } from '../options.ts'

/** What a check does. If neither is set, it only opens a TCP connection. */
export interface CheckKind {
  readonly path?: string
  /** The name of the service to check. Empty for the complete server. */
  readonly grpc?: string
}

interface KindOptions {
  readonly path?: unknown
  readonly tcp?: unknown
  readonly grpc?: unknown
  readonly expect?: unknown
  readonly headers?: unknown
}

/**
 * Checks that exactly one of `path`, `tcp` and `grpc` is set, and that no option is set that cannot be used
 * with it.
 */
export function checkKind({ path, tcp, grpc, expect, headers }: KindOptions): CheckKind {
  if (tcp !== undefined) {
    if (tcp !== true) throw new TypeError(`health.tcp must be true or left out, got ${quote(tcp)}`)
    refuse({ path, grpc, expect, headers }, 'tcp, which sends nothing')
    return {}
  }
  if (grpc !== undefined) {
    refuse({ path, expect }, 'grpc, where only SERVING passes')
    return { grpc: grpcService(grpc) }
  }
  if (path === undefined) {
    throw new TypeError(
      "health needs path, tcp or grpc: { path: '/healthz' }, { tcp: true } or { grpc: true }",
    )
  }
  if (typeof path !== 'string' || !/^\/[\x21\x22\x24-\x7e]*$/.test(path)) {
    throw new TypeError(`health.path must be a path such as '/healthz', got ${quote(path)}`)
  }
  return { path }
}

function refuse(options: object, beside: string): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) throw new TypeError(`health.${name} cannot be used with ${beside}`)
  }
}

function grpcService(grpc: unknown): string {
  if (grpc === true) return ''
  checkObject('health.grpc', grpc, ['service'], "true or an object such as { service: 'users.v1.Users' }")
  const { service } = grpc as { readonly service?: unknown }
  if (typeof service === 'string' && service !== '' && service.length <= MAX_NAME && service.isWellFormed()) {
    return service
  }
  throw new TypeError(
    `health.grpc.service must be a service's name such as 'users.v1.Users', got ${quote(service)}`,
  )
}

/** The maximum length of a service's name, in characters. */
const MAX_NAME = 1_000
