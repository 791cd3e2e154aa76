import { isDeepStrictEqual } from 'node:util'
import type { BreakerOptions } from '../breaker/policy.ts'
import { checkObject, quote } from '../options.ts'
import { CLIENT_OPTIONS } from './check-options.ts'
import type { ClientOptions } from './options.ts'
import type { RouteRule } from './route-rule.ts'

/** The options that an update cannot change. */
const FIXED = ['service', 'source', 'clock'] as const

/**
 * The options of `update()`. An option that is given replaces the old value, and `undefined` restores the default.
 * Routes are merged by key; `undefined` for a key removes its rule.
 */
export type ClientUpdate = {
  readonly [Name in Exclude<keyof ClientOptions, 'service' | 'source' | 'clock' | 'routes'>]?:
    | ClientOptions[Name]
    | undefined
} & { readonly routes?: Readonly<Record<string, RouteRule | undefined>> | undefined }

/** Further options of `client.update()`. */
export interface UpdateOptions {
  /** Who makes the change. The event `config:changed` reports it. */
  by?: string
}

/** Returns the options after an update. Throws if it has an unknown option, or one that cannot change. */
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

/** Returns the names of the options that differ. A route is named by its key. */
export function changedOptions(before: ClientOptions, after: ClientOptions): string[] {
  const { routes: routesBefore = {}, ...othersBefore } = before
  const { routes: routesAfter = {}, ...othersAfter } = after
  return [
    ...differingNames(othersBefore, othersAfter),
    ...differingNames(routesBefore, routesAfter).map((key) => `routes['${key}']`),
  ]
}

/**
 * Returns a copy of the options, because the caller may change the originals. Functions, sources and strategies are
 * not copied.
 */
export function plainCopy<T>(value: T): T {
  if (Array.isArray(value)) return value.map((each: unknown) => plainCopy(each)) as T
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value
  const entries = Object.entries(value).map(([name, each]: [string, unknown]) =>
    NOT_COPIED.has(name) ? [name, each] : [name, plainCopy(each)],
  )
  return Object.fromEntries(entries) as T
}

/** Options whose values may be plain objects with methods. */
const NOT_COPIED: ReadonlySet<string> = new Set(['source', 'balance', 'clock'])

/** Returns the update that turns the option `dryRun` on or off, for the breakers of the client and of its routes. */
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
