import { hash } from '../balance/hash.ts'
import { keyReader } from '../balance/key.ts'
import type { PickRequest } from '../balance/balancer.ts'
import { checkNumber, checkObject, quote } from '../options.ts'
import { testsOf, type TrafficRequest } from './condition.ts'
import type { TrafficRule } from './options.ts'
import { outsideOf, subsetOf, type Subset } from './subset.ts'

/** The state of the instances of a subset. */
export interface SubsetState {
  /** True if the source lists no instance of the subset. */
  isEmpty(this: void, subset: Subset): boolean
  /** True if no instance of the subset may be picked: there is none, or every breaker is open. */
  isDown(this: void, subset: Subset): boolean
}

interface Rule {
  readonly subset: Subset
  readonly tests: readonly ((request: TrafficRequest) => boolean)[]
  /** Fractions of the calls, 0 to 1. */
  readonly percent: number
  readonly share: number
  readonly key: ((request: TrafficRequest) => string | undefined) | undefined
  readonly mayFail: boolean
  /** The number of calls that the rule has taken. */
  taken: number
}

/** The rules of a client or a route. They decide to which instances a call may go. */
export class Traffic {
  readonly rules: readonly Rule[]
  /** The instances for calls that no rule takes: all except those of rules with a share. */
  readonly #rest: Subset | undefined

  /** Throws if a rule is not valid. */
  constructor(rules: readonly TrafficRule[], name: string) {
    if (!Array.isArray(rules)) throw new TypeError(`${name} must be a list of rules, got ${quote(rules)}`)
    this.rules = rules.map((rule: TrafficRule, index) => ruleOf(rule, `${name}[${index}]`))
    const shared = this.rules.filter((_rule, index) => rules[index]?.share !== undefined)
    this.#rest = shared.length > 0 ? outsideOf(shared.map(({ subset }) => subset)) : undefined
  }

  /** Returns the instances that a call may go to, and counts the call. Undefined means all instances. */
  choose(request: TrafficRequest, state: SubsetState): Subset | undefined {
    const rule = this.#ruleFor(request, state)
    if (rule) rule.taken++
    return this.#subsetOf(rule, state)
  }

  /** Returns what `choose` would return for a call, without counting it. */
  explain(request: TrafficRequest, state: SubsetState): Subset | undefined {
    return this.#subsetOf(this.#ruleFor(request, state), state)
  }

  #ruleFor(request: TrafficRequest, { isDown }: SubsetState): Rule | undefined {
    return this.rules.find((rule) => takes(rule, request) && (rule.mayFail || !isDown(rule.subset)))
  }

  #subsetOf(rule: Rule | undefined, { isEmpty }: SubsetState): Subset | undefined {
    if (rule) return rule.subset
    return this.#rest && !isEmpty(this.#rest) ? this.#rest : undefined
  }
}

function takes({ tests, percent, share, key, subset }: Rule, request: TrafficRequest): boolean {
  if (!tests.every((test) => test(request))) return false
  if (percent === 1 && share === 1) return true
  const own = key?.(request)
  const isIn = (part: number, what: string): boolean =>
    part === 1 ||
    (own === undefined ? request.random() : hash(`${what} ${subset.key} ${own}`) / 2 ** 32) < part
  return isIn(percent, 'percent') && isIn(share, 'share')
}

function ruleOf(rule: TrafficRule, name: string): Rule {
  checkObject(name, rule, ['when', 'to', 'share', 'key', 'otherwise'])
  const { when = {}, to, share, key, otherwise = share === undefined ? 'fail' : 'any' } = rule
  if (otherwise !== 'fail' && otherwise !== 'any') {
    throw new TypeError(`${name}.otherwise must be 'fail' or 'any', got ${quote(otherwise)}`)
  }
  const readKey = key === undefined ? undefined : keyReader(`${name}.key`, key)
  return {
    tests: testsOf(when, `${name}.when`),
    subset: subsetOf(to, `${name}.to`),
    percent: (when.percent ?? 100) / 100,
    share: share === undefined ? 1 : checkNumber(`${name}.share`, share, { max: 1 }),
    // A key function gets the same request as the key function of a strategy.
    key: readKey && ((request) => readKey(request as PickRequest)),
    mayFail: otherwise === 'fail',
    taken: 0,
  }
}
