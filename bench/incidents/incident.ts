import type { ClientOptions } from '../../src/index.ts'
import type { Behaviour } from './behaviour.ts'
import type { World } from './world.ts'

export interface Incident {
  /** Names its chart. */
  readonly id: string
  readonly title: string
  /** What happens, for the report. */
  readonly what: string
  readonly servers: number
  /** How the servers respond at first. */
  readonly behaviour?: Partial<Behaviour>
  /** True for HTTP/2 over TLS. */
  readonly h2?: boolean
  /** The number of connections per instance and contender. @default Infinity */
  readonly connections?: number
  /** The length of the run in milliseconds. */
  readonly duration: number
  /** Calls per second of each contender. */
  readonly rate: number
  /** Additional calls that start at one moment. */
  readonly bursts?: readonly { readonly at: number; readonly calls: number }[]
  /** Returns the n-th call. @default a GET */
  readonly init?: (n: number) => RequestInit
  /** Calls that are made, but whose failures do not count as lost. */
  readonly expected?: (n: number) => boolean
  /** The `AbortSignal.timeout` of the caller, in milliseconds. @default none */
  readonly limit?: number
  /** In milliseconds: a response that takes longer counts as lost. */
  readonly patience: number
  /** The options of Outrigger besides `service` and `source`. Limits in them apply to the other contenders too. */
  readonly options?: Partial<ClientOptions>
  readonly steps: readonly { readonly at: number; readonly run: (world: World) => void }[]
  /** When the problem ends, or begins if it does not end, in milliseconds. The time to recover is counted from here. */
  readonly over: number
  /** How much more than plain fetch Outrigger may lose, besides the margin, and why. */
  readonly allowed?: { readonly factor: number; readonly why: string }
  /** True if it needs so much CPU that nothing may run beside it. */
  readonly alone?: boolean
}
