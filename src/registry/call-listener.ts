import type { Source } from './source.ts'

const listeners = new WeakMap<Source, () => void>()

/** `onCall` is told of each call of a client that uses this source. */
export function listenForCalls(source: Source, onCall: () => void): void {
  listeners.set(source, onCall)
}

export function callListenerOf(source: Source): (() => void) | undefined {
  return listeners.get(source)
}
