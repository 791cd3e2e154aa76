import { systemClock, type Clock } from '../clock.ts'
import { checkHeaderName, checkMethods, checkObject } from '../options.ts'

/** A request that came in: `Request`, `http.IncomingMessage`, or anything with their headers. */
export interface IncomingRequest {
  readonly headers: Headers | Readonly<Record<string, string | string[] | undefined>>
}

/** What `withDeadline()` takes. */
export interface WithDeadlineOptions {
  /** The header that carries the milliseconds left. @default 'x-outrigger-deadline' */
  header?: string
  /** The clock of the client it is meant for. @default the system's */
  clock?: Clock
}

/**
 * In a server's handler: what is left of the caller's own deadline, to pass on to the calls made for it.
 * Without the header, or with an unreadable one, the call has its own deadline only.
 *
 * @example
 * const response = await users('/users/42', { ...withDeadline(request) })
 */
export function withDeadline(
  { headers }: IncomingRequest,
  options: WithDeadlineOptions = {},
): { deadline?: number } {
  checkObject('withDeadline()', options, ['header', 'clock'])
  const { header = 'x-outrigger-deadline', clock = systemClock } = options
  const name = checkHeaderName('withDeadline().header', header)
  checkMethods('withDeadline().clock', clock, ['now'])
  // Duck-typed: the Headers may be those of an npm package.
  const value: unknown = typeof headers.get === 'function' ? headers.get(name) : Reflect.get(headers, name)
  return typeof value === 'string' && /^\d+$/.test(value) ? { deadline: clock.now() + Number(value) } : {}
}
