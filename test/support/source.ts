import type { Instance, Source } from '../../src/registry/source.ts'

type Step = { readonly snapshot: unknown } | { readonly error: unknown }

/** A source played by hand: what is pushed or thrown reaches whoever watches, now or next. */
export class HandSource implements Source {
  readonly emptyGrace = 0
  /** How many watches were started. */
  watches = 0
  readonly #steps: Step[] = []
  #wake = (): void => {}

  push(...instances: readonly (Instance | string)[]): void {
    this.pushRaw(instances.map((entry) => (typeof entry === 'string' ? { id: entry, url: entry } : entry)))
  }

  /** Garbage included. */
  pushRaw(snapshot: unknown): void {
    this.#add({ snapshot })
  }

  fail(error: unknown): void {
    this.#add({ error })
  }

  async *watch(_service: string, { signal }: { signal: AbortSignal }): AsyncGenerator<readonly Instance[]> {
    this.watches++
    signal.addEventListener('abort', () => this.#wake())
    while (!signal.aborted) {
      const step = this.#steps.shift()
      if (step === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
      else if ('error' in step) throw step.error
      else yield step.snapshot as readonly Instance[]
    }
  }

  #add(step: Step): void {
    this.#steps.push(step)
    this.#wake()
  }
}
