import { isDeepStrictEqual } from 'node:util'
import type { BreakerOptions } from '../breaker/policy.ts'
import { checkObject, quote } from '../options.ts'
import { CLIENT_OPTIONS, type ClientOptions, type RouteRule } from './options.ts'

/** What cannot change: it is what the client is. */
const FIXED = ['service', 'source', 'clock'] as const

/**
 * The options that `update()` takes: those that are given replace what was there, `undefined` goes back to the default.
 * Routes are merged by key; `undefined` for a key removes its rule.
 */
export type ClientUpdate = {
  readonly [Name in Exclude<keyof ClientOptions, 'service' | 'source' | 'clock' | 'routes'>]?:
    | ClientOptions[Name]
    | undefined
} & { readonly routes?: Readonly<Record<string, RouteRule | undefined>> | undefined }

/** What `client.update()` takes beside the new options. */
export interface UpdateOptions {
  /** Who changes it, for the event `config:changed`. */
  by?: string
}

/** The options after an update. Throws for what is no option, or cannot change. */
export function mergeOptions(current: ClientOptions, update: ClientUpdate): ClientOptions {
  for (const name of FIXED) {
    if (Object.hasOwn(update ?? {}, name))
      throw new TypeError(`update() cannot change ${name}: make another client`)
  }
  checkObject('update()', update, CLIENT_OPTIONS)
  const { routes, ...others } = update
  const next: Record<string, unknown> = { ...current, ...others }
  if ('routes' in update)
    next['routes'] = routes === undefined ? undefined : withoutUndefined({ ...current.routes, ...routes })
  return withoutUndefined(next) as unknown as ClientOptions
}

/** The names of the options that differ. */
export function changedOptions(before: ClientOptions, after: ClientOptions): string[] {
  const { routes: routesBefore = {}, ...othersBefore } = before
  const { routes: routesAfter = {}, ...othersAfter } = after
  return [
    ...differingNames(othersBefore, othersAfter),
    ...differingNames(routesBefore, routesAfter).map((key) => `routes['${key}']`),
  ]
}

/** Options as they are now: the caller may change his own objects. Functions, sources and strategies stay what they are. */
export function plainCopy<T>(value: T): T {
  if (Array.isArray(value)) return value.map((each: unknown) => plainCopy(each)) as T
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value
  const entries = Object.entries(value).map(([name, each]: [string, unknown]) =>
    NOT_COPIED.has(name) ? [name, each] : [name, plainCopy(each)],
  )
  return Object.fromEntries(entries) as T
}

/** Objects of the user's that may be plain ones with methods. */
const NOT_COPIED: ReadonlySet<string> = new Set(['source', 'balance', 'clock'])

/** The update that has breakers only report what they would do, or no longer: the client's, and those of its routes. */
export function dryRunUpdate({ breaker, routes = {} }: ClientOptions, on: boolean): ClientUpdate {
  const withDryRun = (own: RouteRule['breaker']): BreakerOptions | false =>
    own === false ? own : { ...own, dryRun: on }
  const rules = Object.entries(routes).filter(([, rule]) => rule.breaker !== undefined)
  const changed = rules.map(([key, rule]): [string, RouteRule] => [
    key,
    { ...rule, breaker: withDryRun(rule.breaker) },
  ])
  return { breaker: withDryRun(breaker), routes: Object.fromEntries(changed) }
}

export function checkBy({ by }: UpdateOptions): string | undefined {
  if (by !== undefined && typeof by !== 'string')
    throw new TypeError(`update().by must be a string, got ${quote(by)}`)
  return by
}

function differingNames(before: object, after: object): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => !isDeepStrictEqual(Reflect.get(before, name), Reflect.get(after, name)))
}

function withoutUndefined(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
