import type { Clock } from '../../clock.ts'
import { abortable } from './abortable.ts'

/**
 * Time from a failure to the next try, in ms. Without it, each of hundreds of watchers would start a new watch
 * at once.
 */
const MIN_PAUSE = 500

/** One watch in progress, and how many watchers it has. */
interface Run<T> {
  readonly stop: AbortController
  watchers: number
  values: ReadonlyMap<string, T> | undefined
  /** Set when the watch is over, with the error if it failed. */
  end: { readonly failed: boolean; readonly error?: unknown } | undefined
  changed: PromiseWithResolvers<void>
}

/**
 * One watch of a registry, shared by the watchers of many services. It runs while it has a watcher. When it
 * fails or ends, it does so for all watchers.
 */
export class SharedWatch<T> {
  readonly #open: (signal: AbortSignal) => AsyncIterable<ReadonlyMap<string, T>>
  readonly #clock: Clock
  #run: Run<T> | undefined
  #notBefore = -Infinity

  /**
   * `open` yields the values of all services each time. A value that has not changed must be the same object as
   * before.
   */
  constructor(open: (signal: AbortSignal) => AsyncIterable<ReadonlyMap<string, T>>, clock: Clock) {
    this.#open = open
    this.#clock = clock
  }

  /**
   * Yields the value of one service each time it changes, or undefined while the registry does not know the
   * service.
   */
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
          await abortable(signal, () => run.changed.promise)
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
      changed: Promise.withResolvers(),
    }
    void this.#follow(run).then((end) => {
      if (end.failed) this.#notBefore = this.#clock.now() + MIN_PAUSE
      // The next watcher starts a new watch.
      if (this.#run === run) this.#run = undefined
      run.end = end
      run.changed.resolve()
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
        run.changed.resolve()
        run.changed = Promise.withResolvers()
      }
      return { failed: false }
    } catch (error) {
      return { failed: true, error }
    }
  }
}
