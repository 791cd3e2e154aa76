import type { Source } from './source.ts'

const hearers = new WeakMap<Source, () => void>()

/** `onCall` hears of each call of a client of this source. */
export function hearCalls(source: Source, onCall: () => void): void {
  hearers.set(source, onCall)
}

export function hearerOf(source: Source): (() => void) | undefined {
  return hearers.get(source)
}
