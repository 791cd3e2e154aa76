import { quote } from '../options.ts'

/** Throws for what a source's `watch()` must not return. */
export function iterable(value: unknown): AsyncIterable<unknown> {
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
    return value as AsyncIterable<unknown>
  }
  throw new TypeError(`watch() must return an async iterable, got ${quote(value)}`)
}
