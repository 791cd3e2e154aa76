import { checkBoolean, checkNumber, quote } from '../options.ts'
import { hostAndPort, redactUrl, toOrigin } from './origin.ts'
import { copyData, isPlainObject, sameData } from './plain-data.ts'
import { isRegisteredAnew, copyRegistration } from './registration.ts'
import type { Instance } from './source.ts'
import { checkText } from './text.ts'
import { whyUndecodable } from './undecodable.ts'

type Fields = Partial<Record<keyof Instance, unknown>>

/** The original url of each instance that `toInstance()` originalUrls. Such an instance is valid and is not parsed again. */
const originalUrls = new WeakMap<object, string>()

/**
 * Turns one registry entry into a valid, frozen {@link Instance}: canonical origin, derived id, unknown keys
 * dropped. A field that is null counts as absent. Throws an error that names the field. An instance made here
 * is returned unchanged.
 */
export function toInstance(init: unknown): Instance {
  if (typeof init !== 'object' || init === null) {
    throw new TypeError(`an instance must be an object with a url, got ${quote(withoutSecrets(init))}`)
  }
  if (originalUrls.has(init)) return init as Instance
  const failure = whyUndecodable(init)
  if (failure !== undefined) throw new TypeError(failure)
  const { id, url, weight, zone, priority, draining, metadata } = init as Fields
  const origin = toOrigin(url)
  const instance = Object.freeze({
    id: id == null ? hostAndPort(origin) : checkText('id', id),
    url: origin,
    ...(weight != null && { weight: checkNumber('weight', weight, { max: Number.MAX_VALUE }) }),
    ...(zone != null && { zone: checkText('zone', zone) }),
    ...(priority != null && { priority: checkNumber('priority', priority, { integer: true }) }),
    ...(draining != null && { draining: boolean('draining', draining) }),
    ...(metadata != null && { metadata: record('metadata', metadata) }),
  })
  originalUrls.set(instance, url as string)
  return copyRegistration(instance, init)
}

/** Whether both have the same data. The objects may differ. */
export function sameInstance(a: Instance, b: Instance): boolean {
  return a === b || (a.url === b.url && sameFields(a, b))
}

/** Whether `next` is another registration with the same data as `before`. */
export function isOnlyReregistered(next: Instance, before: Instance): boolean {
  return isRegisteredAnew(next, before) && sameInstance(next, before)
}

/** Whether {@link toInstance} would turn `entry` into an equal of `instance`. Much cheaper than making one. */
export function describes(entry: object, instance: Instance): boolean {
  if (entry === instance) return true
  if (isRegisteredAnew(entry, instance)) return false
  const { url } = entry as Fields
  return (url === instance.url || url === originalUrls.get(instance)) && sameFields(entry, instance)
}

/** The entry without credentials in its url, to be shown in errors and events. */
export function withoutSecrets(entry: unknown): unknown {
  if (typeof entry === 'string') return redactUrl(entry)
  if (typeof entry !== 'object' || entry === null) return entry
  const { url } = entry as Fields
  return typeof url === 'string' && url !== redactUrl(url) ? { ...entry, url: redactUrl(url) } : entry
}

function sameFields(a: Fields, b: Instance): boolean {
  return (
    a.id === b.id &&
    (a.weight ?? undefined) === b.weight &&
    (a.zone ?? undefined) === b.zone &&
    (a.priority ?? undefined) === b.priority &&
    (a.draining ?? undefined) === b.draining &&
    sameData(a.metadata ?? undefined, b.metadata)
  )
}

function boolean(name: string, value: unknown): boolean {
  checkBoolean(name, value)
  return value as boolean
}

function record(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) throw new TypeError(`${name} must be a plain object, got ${quote(value)}`)
  return copyData(name, value) as Readonly<Record<string, unknown>>
}
