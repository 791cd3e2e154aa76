import type { Priority } from '../limit/priority.ts'
import type { PathParams } from '../routes/expand.ts'
import type { Query } from '../routes/query.ts'

export type FetchInput = Parameters<typeof globalThis.fetch>[0]

export type BodySource = NonNullable<RequestInit['body']>

/** The init of `fetch`, with additional members for route keys and policies. */
export interface CallInit extends Omit<RequestInit, 'body' | 'priority'> {
  /**
   * The importance of the call: if there are too many, less important ones are refused first. Values of fetch are
   * passed to fetch. @default the route's
   */
  priority?: Priority | 'high' | 'low' | 'auto'
  /** The body. A function is called for each try, so that a stream can be created, and sent, again. */
  body?: RequestInit['body'] | (() => BodySource)
  /** fetch requires it with a stream. The types of lib.dom do not contain it. */
  duplex?: 'half'
  /** Set by `withDeadline()`: the time by which the request that this call serves must be answered. */
  deadline?: number
  /** The values for the `{name}` segments of a route key. */
  params?: PathParams
  /** Query parameters. They are appended to the URL by the defaults of OpenAPI: an array repeats its name. */
  query?: Query
  /** A value that is sent as JSON, with `content-type: application/json`. */
  json?: unknown
}
