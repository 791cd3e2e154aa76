import { OutriggerError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Dispatcher } from '../undici.ts'
import { hasHost, mergeContentLengths, plainHeaders, withExtra, withHost } from './headers.ts'

/** Whom the caller asked for. */
export interface LogicalHost {
  /** `host[:port]` as the caller wrote it: what the server sees. */
  readonly host: string
  /**
   * What TLS asks for and its certificate must say; empty for an IP address, which no server is asked for by name.
   * undici would derive it from `host` again for each request.
   */
  readonly servername: string
}

/** A request as it goes to an instance: with our headers too, and the logical Host. `extra` is in lower case. */
export function addressRequest(
  options: Dispatcher.DispatchOptions,
  origin: string,
  logical: LogicalHost,
  extra: Readonly<Record<string, string>> | undefined,
): Dispatcher.DispatchOptions {
  const given = plainHeaders(options.headers)
  // A Host of the caller's own is also whose certificate he expects.
  const own = hasHost(given)
  const hosted = own ? given : withHost(given, logical.host)
  const headers = mergeContentLengths(extra ? withExtra(hosted, extra) : hosted)
  const servername = own ? undefined : logical.servername
  // undici 5 to 7 hand on the dispatcher they were called with; undici 8 refuses it.
  return { ...options, origin, headers, servername, dispatcher: undefined } as Dispatcher.DispatchOptions
}

/** Refuses what a plain-text connection must not carry. */
export function checkScheme(origin: string, attempt: Attempt): void {
  if (origin.startsWith('https:') && !attempt.instance.url.startsWith('https:')) {
    throw new OutriggerError(
      'ERR_OUTRIGGER_DENIED',
      `${origin} asks for TLS, but its instance ${attempt.instance.url} speaks plain HTTP; call http:// or register https:// urls`,
    )
  }
}
