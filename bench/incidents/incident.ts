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
  /** How they answer at first. */
  readonly behaviour?: Partial<Behaviour>
  /** HTTP/2 over TLS. */
  readonly h2?: boolean
  /** Connections per instance and contender. @default Infinity */
  readonly connections?: number
  /** Length of the run, ms. */
  readonly duration: number
  /** Calls per second of each contender. */
  readonly rate: number
  /** Calls that start at one moment, in addition. */
  readonly bursts?: readonly { readonly at: number; readonly calls: number }[]
  /** The n-th call. @default a GET */
  readonly init?: (n: number) => RequestInit
  /** Calls that are made but not counted as lost when they fail. */
  readonly expected?: (n: number) => boolean
  /** The caller's own `AbortSignal.timeout`, ms. @default none */
  readonly limit?: number
  /** An answer that takes longer, in ms, counts as lost. */
  readonly patience: number
  /** What Outrigger is given beside `service` and `source`. The limits of a row are the other contenders' too. */
  readonly options?: Partial<ClientOptions>
  readonly steps: readonly { readonly at: number; readonly run: (world: World) => void }[]
  /** When nothing is wrong any more, or, for what stays wrong, when it began (ms): time to recover is counted from here. */
  readonly over: number
  /** How much more than plain fetch it may lose, beside the margin for noise, and why. */
  readonly allowed?: { readonly factor: number; readonly why: string }
  /** Takes so much CPU that nothing runs beside it. */
  readonly alone?: boolean
}
