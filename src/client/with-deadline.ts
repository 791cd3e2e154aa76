import { systemClock, type Clock } from '../clock.ts'
import { checkHeaderName, checkMethods, checkObject } from '../options.ts'

/** An incoming request: a `Request`, an `http.IncomingMessage`, or any object with their headers. */
export interface IncomingRequest {
  readonly headers: Headers | Readonly<Record<string, string | string[] | undefined>>
}

/** Options of `withDeadline()`. */
export interface WithDeadlineOptions {
  /** The name of the header that carries the remaining milliseconds. @default 'x-outrigger-deadline' */
  header?: string
  /** The clock of the client that makes the call. @default the system's */
  clock?: Clock
}

/**
 * Used in the handler of a server. Returns the remaining time of the request, to pass on to the calls that serve it.
 * Without the header, or if it is invalid, the calls have their own timeouts only.
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
  // The Headers may be those of an npm package, so `instanceof` is not used.
  const value: unknown = typeof headers.get === 'function' ? headers.get(name) : Reflect.get(headers, name)
  return typeof value === 'string' && /^\d+$/.test(value) ? { deadline: clock.now() + Number(value) } : {}
}
