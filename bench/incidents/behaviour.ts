export const CONTENDERS = ['fetch', 'opossum', 'outrigger'] as const
export type Contender = (typeof CONTENDERS)[number]

/** How a server answers. Every field can change while it runs. */
export interface Behaviour {
  /** ms until it answers. */
  readonly delay: number
  /** Share of the requests that get `status` instead of 200, at once. */
  readonly fail: number
  readonly status: number
  /** Seconds, as `Retry-After` of a failure. */
  readonly retryAfter: number
  /** Only requests with this `x-tenant` fail. */
  readonly tenant: string
  /** Accepts requests and never answers them. */
  readonly hang: boolean
  /** Requests that it serves at a time; others wait in its queue. */
  readonly slots: number
  /** Idle for so many ms, a connection is forgotten: the next request on it is answered by a reset. */
  readonly forget: number
  /** Requests with a larger body, in bytes, never arrive whole. */
  readonly swallow: number
  /** Share of the answers whose connection breaks in the middle of the body. */
  readonly cut: number
  /** Pods behind its address: each connection belongs to one of them. */
  readonly pods: number
}

/** How a server answers when nothing else is said. */
export const HEALTHY: Behaviour = {
  delay: 10,
  fail: 0,
  status: 503,
  retryAfter: 0,
  tenant: '',
  hang: false,
  slots: Infinity,
  forget: Infinity,
  swallow: Infinity,
  cut: 0,
  pods: 1,
}

/** What a server can be told. `die`: its connections break. `drain`: what is under way is answered. */
export type Order =
  | { readonly do: 'set'; readonly behaviour: Partial<Behaviour> }
  | { readonly do: 'die' | 'drain' | 'listen' | 'goaway' | 'count' | 'reset' }
  | { readonly do: 'kill-pod'; readonly pod: number }

/** A server's argument. */
export interface Settings {
  readonly host: string
  readonly lanes: number
  readonly h2: boolean
  readonly seed: number
  readonly initial: Partial<Behaviour>
}
