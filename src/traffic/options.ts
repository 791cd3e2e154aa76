import type { KeyOption } from '../balance/key.ts'
import type { Priority } from '../limit/priority.ts'

/** One value, or a list of values. */
export type OneOrMore<T> = T | readonly T[]

/** Selects instances. Every member that is set must match. A list matches if one of its values does. */
export interface TrafficTarget {
  /** The value of `metadata.version`. */
  version?: OneOrMore<string>
  zone?: OneOrMore<string>
  /** The values of metadata, by name. Numbers and booleans of the metadata are compared as text. */
  metadata?: Readonly<Record<string, OneOrMore<string>>>
}

/** Selects calls. Every member that is set must match. A list matches if one of its values does. */
export interface TrafficCondition {
  /** Request headers, by name in any case. `true` matches any value of a header that is present. */
  header?: Readonly<Record<string, OneOrMore<string> | true>>
  /** Query parameters, by name. `true` matches any value of a parameter that is present. */
  query?: Readonly<Record<string, OneOrMore<string> | true>>
  /** The method, in any case. */
  method?: OneOrMore<string>
  priority?: OneOrMore<Priority>
  /**
   * The percentage of the calls, 0 to 100. If the rule and the call have a `key`, it decides which calls are taken.
   * Otherwise the choice is random.
   */
  percent?: number
}

/** One rule of `traffic`. The first rule that matches a call decides to which instances the call may go. */
export interface TrafficRule {
  /** Which calls. @default every call */
  when?: TrafficCondition
  to: TrafficTarget
  /**
   * The fraction of the calls that goes to these instances, 0 to 1. Other calls go there only if another rule says so.
   * @default 1
   */
  share?: number
  /**
   * The key of a call. All calls with the same key are treated alike, for example to keep a user on one version.
   * @default each call is decided at random
   */
  key?: KeyOption
  /**
   * What happens if none of these instances can be used.
   * - `fail`: the call goes to these instances or fails, with a NoInstanceError while the source lists none of them.
   * - `any`: if none of them may be picked, because the source lists none or every breaker is open, the next rules
   * apply. If no rule applies, the call may go to any instance.
   *
   * @default 'fail', or 'any' if the rule has a `share`, because its calls did not ask for these instances
   */
  otherwise?: 'fail' | 'any'
}
