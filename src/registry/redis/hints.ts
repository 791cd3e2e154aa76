import { openSubscriber, type RedisClient, type Subscriber } from './client.ts'

/** A watch of one service that waits for a hint. */
interface Waiter {
  readonly channel: string
  wake: () => void
}

export interface Hint {
  /** Resolves with the next hint, or at once if one has arrived since the last call. */
  next(): Promise<void>
  close(): void
}

/**
 * One connection for the change messages of all watches, open while there is a watch. A lost message only
 * delays a change: the watches also poll.
 */
export class Hints {
  readonly #client: RedisClient
  readonly #waiters = new Set<Waiter>()
  #subscriber: Subscriber | undefined

  constructor(client: RedisClient) {
    this.#client = client
  }

  listen(channel: string): Hint {
    let hinted = false
    let resolve = (): void => {}
    const wake = (): void => {
      hinted = true
      resolve()
    }
    const waiter: Waiter = { channel, wake }
    const first = ![...this.#waiters].some((each) => each.channel === channel)
    this.#waiters.add(waiter)
    this.#subscriber ??= openSubscriber(this.#client, (from) => this.#wake(from))
    // Something may have changed before the subscription started, so read again.
    if (first) void this.#subscriber.subscribe(channel).then(() => this.#wake(channel), ignore)
    return {
      next: async () => {
        if (!hinted) await new Promise<void>((done) => (resolve = done))
        hinted = false
      },
      close: () => this.#close(waiter),
    }
  }

  #wake(channel: string | undefined): void {
    for (const each of this.#waiters) if (channel === undefined || each.channel === channel) each.wake()
  }

  #close(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return
    if (this.#waiters.size === 0) {
      this.#subscriber?.close()
      this.#subscriber = undefined
    } else if (![...this.#waiters].some(({ channel }) => channel === waiter.channel)) {
      void this.#subscriber?.unsubscribe(waiter.channel).then(ignore, ignore)
    }
  }
}

function ignore(): void {}
