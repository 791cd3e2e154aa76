import type { Instance, Source } from '../../src/index.ts'

/** The registry of one contender. All contenders get a change at the same moment. */
export class Directory implements Source {
  #listed: readonly Instance[]
  #down = false
  #changed = Promise.withResolvers<void>()

  constructor(listed: readonly Instance[]) {
    this.#listed = listed
  }

  get listed(): readonly Instance[] {
    return this.#listed
  }

  list(instances: readonly Instance[]): void {
    this.#listed = instances
    this.#tell()
  }

  fail(down: boolean): void {
    this.#down = down
    this.#tell()
  }

  async *watch(
    _service: string,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<readonly Instance[]> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    while (!signal.aborted) {
      if (this.#down) throw new Error('the registry is down')
      const change = this.#changed.promise
      yield this.#listed
      await Promise.race([change, aborted])
    }
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
