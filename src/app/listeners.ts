import type { Client } from '../client/client.ts'
import type { Listener } from '../observe/emitter.ts'
import { checkEventName } from '../observe/event-names.ts'
import type { ClientEvents } from '../observe/events.ts'
import { watch, type Watcher } from '../observe/watchers.ts'
import { quote } from '../quote.ts'

type EventName = keyof ClientEvents

interface Subscription {
  /** Absent for a watcher. */
  readonly name?: EventName
  readonly listener: unknown
  addTo(client: Client): void
  removeFrom(client: Client): void
}

/** The listeners for events of all services. Other listeners of a client are not affected. */
export class Listeners {
  #all: readonly Subscription[] = []
  readonly #clients: () => Iterable<Client>

  /** `clients` returns the clients that exist now. */
  constructor(clients: () => Iterable<Client>) {
    this.#clients = clients
  }

  on<Name extends EventName>(name: Name, listener: Listener<ClientEvents[Name]>, isOnce: boolean): void {
    checkEventName(name)
    if (typeof listener !== 'function') {
      throw new TypeError(`the listener for '${name}' must be a function, got ${quote(listener)}`)
    }
    // A new function for each subscription, so that removing one does not remove another with the same
    // listener.
    const called = (event: ClientEvents[Name]): unknown => {
      if (isOnce) this.#remove([subscription])
      return listener(event)
    }
    const subscription: Subscription = {
      name,
      listener,
      addTo: (client) => void client.on(name, called),
      removeFrom: (client) => void client.off(name, called),
    }
    this.#add(subscription)
  }

  watch(watcher: Watcher): () => void {
    const stops = new WeakMap<Client, () => void>()
    const subscription: Subscription = {
      listener: watcher,
      addTo: (client) => stops.set(client, client[watch](watcher)),
      removeFrom: (client) => stops.get(client)?.(),
    }
    this.#add(subscription)
    return () => this.#remove([subscription])
  }

  #add(subscription: Subscription): void {
    this.#all = [...this.#all, subscription]
    for (const client of this.#clients()) subscription.addTo(client)
  }

  /** Without a listener, removes all listeners for that name. */
  off(name: EventName, listener: unknown): void {
    checkEventName(name)
    this.#remove(
      this.#all.filter(
        (each) => each.name === name && (listener === undefined || each.listener === listener),
      ),
    )
  }

  /** Adds all listeners to a new client. */
  addTo(client: Client): void {
    for (const subscription of this.#all) subscription.addTo(client)
  }

  #remove(removed: readonly Subscription[]): void {
    this.#all = this.#all.filter((each) => !removed.includes(each))
    for (const client of this.#clients()) for (const each of removed) each.removeFrom(client)
  }
}
