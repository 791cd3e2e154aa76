import { checkObject, checkRecord, quote } from '../options.ts'
import type { Instance } from '../registry/source.ts'
import type { OneOrMore, TrafficTarget } from './options.ts'

/** A part of the instances of a service. Two of the same key are the same. */
export interface Subset {
  readonly key: string
  /** As errors show it. */
  readonly name: string
  has(instance: Instance): boolean
}

/** Values of metadata that can be written as text. */
const TEXTS: ReadonlySet<string> = new Set(['string', 'number', 'boolean'])

type Test = readonly [name: string, values: ReadonlySet<string>, read: (instance: Instance) => unknown]

/** The instances of a target; throws for one that makes no sense. */
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

/** Whatever is in none of these. */
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

/** A value, or a list of them, as a set. */
export function textsOf(value: OneOrMore<string>, name: string): ReadonlySet<string> {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > 0 && list.every((each) => typeof each === 'string')) return new Set(list as string[])
  throw new TypeError(`${name} must be a string or a list of strings, got ${quote(value)}`)
}
