import { quote } from '../options.ts'

/** Throws unless `value`, the result of a source's `watch()`, is an async iterable. */
export function iterable(value: unknown): AsyncIterable<unknown> {
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
    return value as AsyncIterable<unknown>
  }
  throw new TypeError(`watch() must return an async iterable, got ${quote(value)}`)
}
