import type { KeyOption } from '../balance/key.ts'
import type { Priority } from '../limit/priority.ts'

/** One value, or a list of them. */
export type OneOrMore<T> = T | readonly T[]

/** Which instances: all that is named must match, a list by any of its values. */
export interface TrafficTarget {
  /** `metadata.version`. */
  version?: OneOrMore<string>
  zone?: OneOrMore<string>
  /** By name; numbers and booleans of the metadata match as text. */
  metadata?: Readonly<Record<string, OneOrMore<string>>>
}

/** Which calls: all that is named must hold, a list by any of its values. */
export interface TrafficCondition {
  /** By name, in any case; `true`: the header is there. */
  header?: Readonly<Record<string, OneOrMore<string> | true>>
  /** Parameters of the query, by name; `true`: the parameter is there. */
  query?: Readonly<Record<string, OneOrMore<string> | true>>
  /** In any case. */
  method?: OneOrMore<string>
  priority?: OneOrMore<Priority>
  /** Of the calls, 0 to 100: by `key` if the rule has one and the call has a key, by chance otherwise. */
  percent?: number
}

/** One rule of `traffic`. The first rule that takes a call says which instances it may go to. */
export interface TrafficRule {
  /** @default every call */
  when?: TrafficCondition
  to: TrafficTarget
  /**
   * The part of the calls that goes to these instances, 0 to 1. No other call goes there, unless a rule of its own says so.
   * @default 1
   */
  share?: number
  /** What keeps a user on one side: calls with the same key are taken, or not, together. @default by chance, call by call */
  key?: KeyOption
  /**
   * `fail`: a call that is taken goes to these instances or nowhere; a NoInstanceError while the source lists none of them. `any`:
   * while none of them may be picked, for the source lists none or every breaker is open, the next rules decide, and then it may be
   * any instance.
   * @default 'fail', or 'any' where there is a share: nobody has asked for these instances
   */
  otherwise?: 'fail' | 'any'
}
