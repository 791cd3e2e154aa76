import { isOnlyReregistered } from '../registry/instance.ts'
import type { Instance } from '../registry/source.ts'
import { LiveEndpoint, type EndpointContext } from './endpoint.ts'

/** An endpoint whose instance is described anew. */
export interface Changed {
  readonly endpoint: LiveEndpoint
  readonly previous: Instance
}

/** What a snapshot changes. */
export interface Changes {
  readonly added: readonly LiveEndpoint[]
  readonly changed: readonly Changed[]
  readonly removed: readonly LiveEndpoint[]
}

/** The endpoints of a service. An endpoint lives as long as snapshots list its id with the same URL. */
export class Roster {
  /** In the order of the latest snapshot. */
  all: readonly LiveEndpoint[] = []
  #revision = 0
  readonly #byId = new Map<string, LiveEndpoint>()
  readonly #context: EndpointContext

  constructor(context: EndpointContext) {
    this.#context = context
  }

  /** Takes over a complete snapshot of valid instances with distinct ids. */
  apply(instances: readonly Instance[]): Changes {
    const revision = ++this.#revision
    const next: LiveEndpoint[] = []
    const added: LiveEndpoint[] = []
    const changed: Changed[] = []
    const removed: LiveEndpoint[] = []
    for (const instance of instances) {
      let endpoint = this.#byId.get(instance.id)
      if (endpoint?.instance.url !== instance.url) {
        // The same id at another address is another process: nothing learnt about the old one holds.
        if (endpoint) removed.push(endpoint)
        endpoint = new LiveEndpoint(instance, this.#context)
        this.#byId.set(instance.id, endpoint)
        added.push(endpoint)
      } else if (endpoint.instance !== instance) {
        const previous = endpoint.instance
        if (!isOnlyReregistered(instance, previous)) changed.push({ endpoint, previous })
        endpoint.instance = instance
      }
      endpoint.revision = revision
      next.push(endpoint)
    }
    for (const endpoint of this.all) {
      if (endpoint.revision === revision) continue
      // One whose url has changed was replaced, and added to `removed`, above.
      if (this.#byId.get(endpoint.instance.id) === endpoint) {
        this.#byId.delete(endpoint.instance.id)
        removed.push(endpoint)
      }
    }
    this.all = next
    for (const endpoint of removed) endpoint.removed = true
    return { added, changed, removed }
  }
}
