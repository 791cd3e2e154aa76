import type { Instance, Source } from '../../src/registry/source.ts'

type Step = { readonly value: unknown } | { readonly error: unknown } | 'end'

/** One call of `watch`, controlled by the test. */
export class Watch {
  readonly signal: AbortSignal
  returned = false
  readonly #steps: Step[] = []
  #wake = (): void => {}

  constructor(signal: AbortSignal) {
    this.signal = signal
  }

  push(value: unknown): void {
    this.#add({ value })
  }

  fail(error: unknown): void {
    this.#add({ error })
  }

  end(): void {
    this.#add('end')
  }

  async *run(deaf: boolean): AsyncGenerator<readonly Instance[], void> {
    if (!deaf) this.signal.addEventListener('abort', () => this.end(), { once: true })
    try {
      for (;;) {
        const step = this.#steps.shift()
        if (step === 'end') return
        else if (step === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
        else if ('error' in step) throw step.error
        else yield step.value as readonly Instance[]
      }
    } finally {
      this.returned = true
    }
  }

  #add(step: Step): void {
    this.#steps.push(step)
    this.#wake()
  }
}

/** A source that the test controls. A deaf one ignores its signal. */
export class HandSource implements Source {
  readonly watches: Watch[] = []
  readonly services: string[] = []
  readonly emptyGrace?: number
  readonly #deaf: boolean

  constructor({ emptyGrace, deaf = false }: { emptyGrace?: number; deaf?: boolean } = {}) {
    if (emptyGrace !== undefined) this.emptyGrace = emptyGrace
    this.#deaf = deaf
  }

  watch(service: string, { signal }: { signal: AbortSignal }): AsyncIterable<readonly Instance[]> {
    const watch = new Watch(signal)
    this.watches.push(watch)
    this.services.push(service)
    return watch.run(this.#deaf)
  }

  /** The newest watch. */
  get now(): Watch {
    const watch = this.watches.at(-1)
    if (!watch) throw new Error('nobody watches')
    return watch
  }

  push(...ids: readonly string[]): void {
    this.now.push(ids.map((id) => instance(id)))
  }
}

export function instance(id: string): Instance {
  return { id, url: `http://${id}.test:80` }
}

export interface Recording {
  /** The ids of each snapshot, sorted. */
  readonly ids: (readonly string[])[]
  readonly values: unknown[]
  error: unknown
  done: boolean
  readonly ended: Promise<void>
  abort(): void
}

/** Consumes a watch in the background, as Discovery does. */
export function record(source: Source, service = 'users'): Recording {
  const stop = new AbortController()
  const ended = Promise.withResolvers<void>()
  const recording: Recording = {
    ids: [],
    values: [],
    error: undefined,
    done: false,
    ended: ended.promise,
    abort: () => stop.abort(new Error('stopped')),
  }
  const consume = async (): Promise<void> => {
    try {
      for await (const snapshot of source.watch(service, { signal: stop.signal })) {
        recording.values.push(snapshot)
        if (Array.isArray(snapshot))
          recording.ids.push(snapshot.map((entry: Instance) => entry?.id).toSorted())
      }
    } catch (error) {
      recording.error = error
    } finally {
      recording.done = true
      ended.resolve()
    }
  }
  void consume()
  return recording
}
