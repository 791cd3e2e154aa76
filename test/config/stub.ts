import { setImmediate as turn } from 'node:timers/promises'
import { configurable, type Configurable } from '../../src/client/configurable.ts'
import type { ConfigSource } from '../../src/config.ts'

/** A source to which the test writes documents and errors. */
export class Stub implements ConfigSource {
  readonly name: string
  watches = 0
  signal: AbortSignal | undefined
  #next = Promise.withResolvers<string>()

  constructor(name = 'stub') {
    this.name = name
  }

  put(document: unknown): Promise<void> {
    this.#next.resolve(typeof document === 'string' ? document : JSON.stringify(document))
    return settled()
  }

  fail(error: unknown): Promise<void> {
    this.#next.reject(error)
    return settled()
  }

  async *watch({ signal }: { signal: AbortSignal }): AsyncGenerator<string, void> {
    this.watches++
    this.signal = signal
    if (signal.aborted) return
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => {})
    signal.addEventListener('abort', () => ended.reject(signal.reason), { once: true })
    for (;;) {
      const { promise } = this.#next
      promise.catch(() => {})
      try {
        yield await Promise.race([promise, ended.promise])
      } finally {
        this.#next = Promise.withResolvers()
      }
    }
  }
}

export async function settled(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn()
}

/** The current options of a client or an application. */
export const optionsOf = (target: Configurable): Readonly<Record<string, unknown>> =>
  target[configurable].options()
