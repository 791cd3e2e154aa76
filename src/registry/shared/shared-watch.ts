import type { Clock } from '../../clock.ts'
import { abortable } from './abortable.ts'

/** Milliseconds from a failure to the next try: hundreds of watchers come back, each after a pause of its own. */
const MIN_PAUSE = 500

/** One watch under way, and who waits for it. */
interface Run<T> {
  readonly stop: AbortController
  watchers: number
  values: ReadonlyMap<string, T> | undefined
  /** Set once it is over; with the error when it failed. */
  end: { readonly failed: boolean; readonly error?: unknown } | undefined
  tick: PromiseWithResolvers<void>
}

/**
 * One watch of a registry for the watchers of many services. It runs while there is a watcher, and fails or ends for
 * all of them.
 */
export class SharedWatch<T> {
  readonly #open: (signal: AbortSignal) => AsyncIterable<ReadonlyMap<string, T>>
  readonly #clock: Clock
  #run: Run<T> | undefined
  #notBefore = -Infinity

  /** `open` yields all services each time; a value that has not changed must be identical to the one before. */
  constructor(open: (signal: AbortSignal) => AsyncIterable<ReadonlyMap<string, T>>, clock: Clock) {
    this.#open = open
    this.#clock = clock
  }

  /** The value of one service each time it changes; undefined while the registry does not know the service. */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<T | undefined, void> {
    const run = (this.#run ??= this.#start())
    run.watchers++
    let given: { readonly value: T | undefined } | undefined
    try {
      for (;;) {
        signal.throwIfAborted()
        const value = run.values?.get(service)
        if (run.values && (!given || given.value !== value)) {
          given = { value }
          yield value
        } else if (run.end?.failed) {
          throw run.end.error
        } else if (run.end) {
          return
        } else {
          await abortable(signal, () => run.tick.promise)
        }
      }
    } finally {
      if (--run.watchers === 0) {
        if (this.#run === run) this.#run = undefined
        run.stop.abort()
      }
    }
  }

  #start(): Run<T> {
    const run: Run<T> = {
      stop: new AbortController(),
      watchers: 0,
      values: undefined,
      end: undefined,
      tick: Promise.withResolvers(),
    }
    void this.#follow(run).then((end) => {
      if (end.failed) this.#notBefore = this.#clock.now() + MIN_PAUSE
      // Whoever comes from now on starts another.
      if (this.#run === run) this.#run = undefined
      run.end = end
      run.tick.resolve()
    })
    return run
  }

  async #follow(run: Run<T>): Promise<NonNullable<Run<T>['end']>> {
    const { signal } = run.stop
    try {
      const pause = this.#notBefore - this.#clock.now()
      if (pause > 0) await this.#clock.sleep(pause, signal, { ref: false })
      for await (const values of this.#open(signal)) {
        run.values = values
        run.tick.resolve()
        run.tick = Promise.withResolvers()
      }
      return { failed: false }
    } catch (error) {
      return { failed: true, error }
    }
  }
}
