import { checkObject, checkRecord, quote } from '../options.ts'
import type { Instance } from '../registry/source.ts'
import type { OneOrMore, TrafficTarget } from './options.ts'

/** A subset of the instances of a service. Two subsets with the same key are equal. */
export interface Subset {
  readonly key: string
  /** The name in error messages. */
  readonly name: string
  has(instance: Instance): boolean
}

/** The types of metadata values that are compared as text. */
const TEXTS: ReadonlySet<string> = new Set(['string', 'number', 'boolean'])

type Test = readonly [name: string, values: ReadonlySet<string>, read: (instance: Instance) => unknown]

/** Returns the instances of a target. Throws if the target is not valid. */
export function subsetOf(target: TrafficTarget, name: string): Subset {
  checkObject(name, target, ['version', 'zone', 'metadata'])
  const { version, zone, metadata = {} } = target
  checkRecord(`${name}.metadata`, metadata)
  const tests: Test[] = Object.entries(metadata).map(([key, wanted]) => [
    key,
    textsOf(wanted, `${name}.metadata['${key}']`),
    inMetadata(key),
  ])
  if (version !== undefined)
    tests.push(['version', textsOf(version, `${name}.version`), inMetadata('version')])
  if (zone !== undefined) tests.push(['zone', textsOf(zone, `${name}.zone`), (instance) => instance.zone])
  if (tests.length === 0) throw new TypeError(`${name} must name a version, a zone or metadata, got {}`)
  const parts = tests.map(([key, values]): [string, string[]] => [key, [...values].toSorted()])
  return {
    key: JSON.stringify([zone !== undefined, parts.toSorted(([a], [b]) => (a < b ? -1 : 1))]),
    name: parts.map(([key, values]) => `${key} ${values.join(' or ')}`).join(', '),
    has: (instance) =>
      tests.every(([, values, read]) => {
        const value = read(instance)
        return TEXTS.has(typeof value) && values.has(String(value))
      }),
  }
}

/** Returns the instances that are in none of these subsets. */
export function outsideOf(subsets: readonly Subset[]): Subset {
  return {
    key: `not ${JSON.stringify(subsets.map(({ key }) => key))}`,
    name: `not ${subsets.map(({ name }) => `(${name})`).join(' nor ')}`,
    has: (instance) => !subsets.some((subset) => subset.has(instance)),
  }
}

function inMetadata(key: string): (instance: Instance) => unknown {
  return ({ metadata }) => (metadata && Object.hasOwn(metadata, key) ? metadata[key] : undefined)
}

/** Returns a value or a list of values as a set. */
export function textsOf(value: OneOrMore<string>, name: string): ReadonlySet<string> {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > 0 && list.every((each) => typeof each === 'string')) return new Set(list as string[])
  throw new TypeError(`${name} must be a string or a list of strings, got ${quote(value)}`)
}
