import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Coalescer } from '../../src/fallback/coalesce.ts'
import { StaleCache, type StaleOptions, type StaleRequest } from '../../src/fallback/stale.ts'
import type { Clock } from '../../src/clock.ts'
import { until } from '../support/until.ts'

/** A coalescer whose requests have a word as key. */
export class WordCoalescer {
  readonly inner: Coalescer = new Coalescer()

  get size(): number {
    return this.inner.size
  }

  run(
    word: string,
    signal: AbortSignal | undefined,
    start: (signal: AbortSignal) => Promise<Response>,
  ): Promise<Response> {
    const alone = (): Promise<Response> => start(signal ?? new AbortController().signal)
    return this.inner.run({ text: word, path: word }, { signal, start, alone })
  }
}

/** A cache whose requests have a word as key. */
export class WordCache {
  readonly inner: StaleCache

  constructor(options: StaleOptions, clock: Clock) {
    this.inner = new StaleCache(options, clock)
  }

  get size(): number {
    return this.inner.size
  }

  request(word: string): StaleRequest | undefined {
    const url = `http://users/${encodeURIComponent(word)}`
    return this.inner.request({ method: 'GET', url, headers: new Headers() }, 'default')
  }

  wrap(word: string | undefined, response: Response): Response {
    const request = word === undefined ? undefined : this.request(word)
    return this.inner.wrap(request, response, response.status < 500)
  }

  get(word: string | undefined): Response | undefined {
    return this.inner.get(word === undefined ? undefined : this.request(word))
  }
}

/** Runs the garbage collector until `condition` is true. */
export async function collectUntil(condition: () => boolean): Promise<void> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  await until(() => {
    gc()
    return condition()
  })
}

/** A body in chunks that counts how many were requested. */
export function pieces(...texts: readonly string[]): {
  body: ReadableStream<Uint8Array>
  asked: () => number
  isCancelled: () => boolean
} {
  let next = 0
  let isCancelled = false
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const text = texts[next++]
        if (text === undefined) controller.close()
        else controller.enqueue(new TextEncoder().encode(text))
      },
      cancel: () => {
        isCancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { body, asked: () => next, isCancelled: () => isCancelled }
}
