export const CONTENDERS = ['fetch', 'opossum', 'outrigger'] as const
export type Contender = (typeof CONTENDERS)[number]

/** How a server responds. Every field can change while it runs. */
export interface Behaviour {
  /** The time until it responds, in milliseconds. */
  readonly delay: number
  /** The share of the requests that get `status` instead of 200, without delay. */
  readonly fail: number
  readonly status: number
  /** The `Retry-After` of a failure in seconds. */
  readonly retryAfter: number
  /** Only requests with this `x-tenant` fail. */
  readonly tenant: string
  /** True if it accepts requests and never responds. */
  readonly hang: boolean
  /** The number of requests that it handles at the same time. Others wait in its queue. */
  readonly slots: number
  /** In milliseconds: a connection that was idle for so long is forgotten. The next request on it is reset. */
  readonly forget: number
  /** In bytes: requests with a larger body never arrive completely. */
  readonly swallow: number
  /** The share of the responses whose connection breaks during the body. */
  readonly cut: number
  /** The number of pods behind its address. Each connection belongs to one of them. */
  readonly pods: number
}

/** How a server responds by default. */
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

/** The commands for a server. `die`: its connections break. `drain`: requests in progress are answered. */
export type Order =
  | { readonly do: 'set'; readonly behaviour: Partial<Behaviour> }
  | { readonly do: 'die' | 'drain' | 'listen' | 'goaway' | 'count' | 'reset' }
  | { readonly do: 'kill-pod'; readonly pod: number }

/** The argument of a server process. */
export interface Settings {
  readonly host: string
  readonly lanes: number
  readonly h2: boolean
  readonly seed: number
  readonly initial: Partial<Behaviour>
}
