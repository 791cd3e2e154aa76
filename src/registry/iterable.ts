import { disown } from '../hooks/disown.ts'
import { quote } from '../options.ts'

/** Throws unless `value`, the result of a source's `watch()`, is an async iterable. */
export function iterable(value: unknown): AsyncIterable<unknown> {
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
    const iterated = value as AsyncIterable<unknown>
    return { [Symbol.asyncIterator]: () => iteratorOf(iterated) }
  }
  throw new TypeError(`watch() must return an async iterable, got ${quote(value)}`)
}

/** A promise has no next(): its rejection would be nobody's. */
function iteratorOf(iterated: AsyncIterable<unknown>): AsyncIterator<unknown> {
  const iterator = iterated[Symbol.asyncIterator]()
  if (!disown(iterator)) return iterator
  throw new TypeError('[Symbol.asyncIterator]() of watch() must return an iterator, got a promise')
}
