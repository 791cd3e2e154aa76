import type { Priority } from '../limit/priority.ts'
import type { PathParams } from '../routes/expand.ts'
import type { Query } from '../routes/query.ts'

export type FetchInput = Parameters<typeof globalThis.fetch>[0]

export type BodySource = NonNullable<RequestInit['body']>

/** What `fetch` takes, and what a route key needs besides. */
export interface CallInit extends Omit<RequestInit, 'body' | 'priority'> {
  /** Who is shed first when there is too little for everybody; fetch's own values are fetch's. @default the route's */
  priority?: Priority | 'high' | 'low' | 'auto'
  /** A function is called for each try, so that a stream can be made, and sent, again. */
  body?: RequestInit['body'] | (() => BodySource)
  /** What fetch asks for beside a stream; lib.dom does not know it. */
  duplex?: 'half'
  /** From `withDeadline()`: the time by which the caller's own caller wants its answer. */
  deadline?: number
  /** Values for the `{name}` segments of a route key. */
  params?: PathParams
  /** Appended to the URL by the defaults of OpenAPI: arrays repeat their name. */
  query?: Query
  /** Sent as the body, serialised, with `content-type: application/json`. */
  json?: unknown
}
