import { isOnlyReregistered } from '../registry/instance.ts'
import type { Instance } from '../registry/source.ts'
import { LiveEndpoint, type EndpointContext } from './endpoint.ts'

/** An endpoint whose instance has new data. */
export interface Changed {
  readonly endpoint: LiveEndpoint
  readonly previous: Instance
}

/** What a snapshot has changed. */
export interface Changes {
  readonly added: readonly LiveEndpoint[]
  readonly changed: readonly Changed[]
  readonly removed: readonly LiveEndpoint[]
}

/** The endpoints of a service. An endpoint exists as long as snapshots list its id with the same URL. */
export class Roster {
  /** In the order of the latest snapshot. */
  all: readonly LiveEndpoint[] = []
  #revision = 0
  readonly #byId = new Map<string, LiveEndpoint>()
  readonly #context: EndpointContext

  constructor(context: EndpointContext) {
    this.#context = context
  }

  /** Applies a complete snapshot. Instances must be valid and ids distinct. */
  apply(instances: readonly Instance[]): Changes {
    const revision = ++this.#revision
    const next: LiveEndpoint[] = []
    const added: LiveEndpoint[] = []
    const changed: Changed[] = []
    const removed: LiveEndpoint[] = []
    for (const instance of instances) {
      let endpoint = this.#byId.get(instance.id)
      if (endpoint?.instance.url !== instance.url) {
        // The same id with another URL is another process. So it gets a new endpoint, without the old breaker and load.
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
      // An endpoint whose URL has changed is in `removed` already, and another one has its id.
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
