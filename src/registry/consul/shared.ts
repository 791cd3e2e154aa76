import type { Clock } from '../../clock.ts'
import { RegistryHttp, type RegistryHttpOptions } from '../http/http.ts'
import { SharedWatch } from '../shared/shared-watch.ts'
import type { Instance } from '../source.ts'
import { readHealth } from './health.ts'
import { watchStates } from './states.ts'
import { readList, type WatchOptions } from './watch.ts'

export interface SharedOptions extends RegistryHttpOptions, Omit<WatchOptions, 'url'> {
  /** `/v1/health/state/any` with its constant parameters. */
  readonly statesUrl: string
  readonly scheme: string
  readonly clock: Clock
}

/**
 * Uses two connections for all services. One waits for any check to change, the other reads the services that
 * have changed.
 */
export class SharedHealth {
  readonly #options: SharedOptions
  readonly #states: SharedWatch<string>
  #reads: RegistryHttp | undefined
  #watchers = 0

  constructor(options: SharedOptions) {
    this.#options = options
    this.#states = new SharedWatch((signal) => this.#watch(signal), options.clock)
  }

  /** `url` is the health url of the service. */
  async *watch(service: string, url: string, signal: AbortSignal): AsyncGenerator<readonly Instance[], void> {
    const { headers, scheme } = this.#options
    const http = (this.#reads ??= new RegistryHttp(this.#options))
    this.#watchers++
    try {
      for await (const _ of this.#states.watch(service, signal)) {
        const request = { headers, signal }
        const reply = await http.send(url, request)
        if (reply.status !== 200) throw http.failure(url, request, reply)
        yield readHealth(readList(http, url, request, reply), scheme)
      }
    } finally {
      if (--this.#watchers === 0) {
        this.#reads = undefined
        await http.close()
      }
    }
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, string>, void> {
    const http = new RegistryHttp(this.#options)
    try {
      yield* watchStates(http, { ...this.#options, url: this.#options.statesUrl }, signal)
    } finally {
      await http.close()
    }
  }
}
