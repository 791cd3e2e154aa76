import { OutriggerError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Dispatcher } from '../undici.ts'
import { hasHost, mergeContentLengths, plainHeaders, withExtra, withHost } from './headers.ts'

/** The service's name, as a request to one of its instances carries it. */
export interface LogicalHost {
  /** `host[:port]` of the logical URL. The instance gets it as the `Host` header. */
  readonly host: string
  /**
   * The TLS server name, which the certificate must match. Empty for an IP address, which is never sent as a server
   * name (RFC 6066, section 3). It is computed once, because undici would compute it from `host` for each request.
   */
  readonly servername: string
}

/**
 * Returns the options to send a request to an instance: with its `origin`, the logical `Host`, and the headers in
 * `extra`. The names in `extra` are in lower case.
 */
export function addressRequest(
  options: Dispatcher.DispatchOptions,
  origin: string,
  logical: LogicalHost,
  extra: Readonly<Record<string, string>> | undefined,
): Dispatcher.DispatchOptions {
  const given = plainHeaders(options.headers)
  // If the caller has set a Host header, undici derives the TLS server name from it.
  const hasOwnHost = hasHost(given)
  const hosted = hasOwnHost ? given : withHost(given, logical.host)
  const headers = mergeContentLengths(extra ? withExtra(hosted, extra) : hosted)
  const servername = hasOwnHost ? undefined : logical.servername
  // undici 5 to 7 pass the option `dispatcher` on. undici 8 rejects it.
  return { ...options, origin, headers, servername, dispatcher: undefined } as Dispatcher.DispatchOptions
}

/** Throws if a call to https:// would be sent to an instance without TLS. */
export function checkScheme(origin: string, attempt: Attempt): void {
  if (origin.startsWith('https:') && !attempt.instance.url.startsWith('https:')) {
    throw new OutriggerError(
      'ERR_OUTRIGGER_DENIED',
      `${origin} asks for TLS, but its instance ${attempt.instance.url} speaks plain HTTP; call http:// or register https:// urls`,
    )
  }
}
