import { checkBoolean, checkNumber, quote } from '../options.ts'
import { hostAndPort, redactUrl, toOrigin } from './origin.ts'
import { copyData, isPlainObject, sameData } from './plain-data.ts'
import { isRegisteredAnew, sameRegistrationAs } from './registration.ts'
import type { Instance } from './source.ts'
import { checkText } from './text.ts'
import { whyUndecodable } from './undecodable.ts'

type Fields = Partial<Record<keyof Instance, unknown>>

/** Every instance made here, with its url as it was written: what was found good is not parsed again. */
const made = new WeakMap<object, string>()

/**
 * One registry entry as a valid, frozen {@link Instance}: canonical origin, derived id, unknown keys dropped.
 * Fields that are null count as absent. Throws an error naming the field; an instance made here is returned as it is.
 */
export function toInstance(init: unknown): Instance {
  if (typeof init !== 'object' || init === null) {
    throw new TypeError(`an instance must be an object with a url, got ${quote(withoutSecrets(init))}`)
  }
  if (made.has(init)) return init as Instance
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
  made.set(instance, url as string)
  return sameRegistrationAs(instance, init)
}

/** The same data, whatever object carries it. */
export function sameInstance(a: Instance, b: Instance): boolean {
  return a === b || (a.url === b.url && sameFields(a, b))
}

/** Another registration that says the same. */
export function isSameButForLease(next: Instance, before: Instance): boolean {
  return isRegisteredAnew(next, before) && sameInstance(next, before)
}

/** True when {@link toInstance} would make `instance` of `entry` again; much cheaper than making it. */
export function describes(entry: object, instance: Instance): boolean {
  if (entry === instance) return true
  if (isRegisteredAnew(entry, instance)) return false
  const { url } = entry as Fields
  return (url === instance.url || url === made.get(instance)) && sameFields(entry, instance)
}

/** An entry fit to be shown in errors and events. */
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
