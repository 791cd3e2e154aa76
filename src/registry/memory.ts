import { systemClock, type Clock } from '../clock.ts'
import { OutriggerError } from '../errors.ts'
import { checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { toInstance } from './instance.ts'
import { withRegistration } from './registration.ts'
import type { Instance, InstanceInit, Lease, Registrar, SignalContext, Source } from './source.ts'
import { checkText } from './text.ts'

/** Options of `new MemoryRegistry()`. */
export interface MemoryRegistryOptions {
  /**
   * How long `discover()` returns an instance after its last heartbeat, in ms.
   * @default 30_000
   */
  ttl?: number
  /** @default the system's clock */
  clock?: Clock
}

/** A {@link Lease} of a MemoryRegistry. */
export interface MemoryLease extends Lease {
  /** The registered instance, with its id. */
  readonly instance: Instance
  /**
   * Throws while another instance has this id or this url. If both registered again, they would replace each
   * other in turn.
   */
  renew(): boolean
  release(): void
}

interface Entry {
  readonly service: string
  readonly instance: Instance
  lastHeartbeat: number
}

interface Service {
  readonly byId: Map<string, Entry>
  readonly byUrl: Map<string, Entry>
  /** Built on demand. A watcher is up to date when the array that it last yielded is this one. */
  snapshot: readonly Instance[] | undefined
}

const NO_INSTANCES: readonly Instance[] = Object.freeze([])

/**
 * The embedded registry: a source and a registrar in one process.
 *
 * @example
 * const registry = new MemoryRegistry({ ttl: 30_000 })
 * registry.register('user-service', { url: 'http://127.0.0.1:8080' })
 * registry.discover('user-service') // [{ id: '127.0.0.1:8080', url: 'http://127.0.0.1:8080' }]
 */
export class MemoryRegistry implements Source, Registrar {
  /** This registry cannot lose its data while the process lives, so a drop to zero instances is real. */
  readonly emptyGrace = 0
  readonly isOwn = true
  readonly #ttl: number
  readonly #clock: Clock
  readonly #services = new Map<string, Service>()
  /** The watchers that wait for the next change of a service. */
  readonly #waiting = new Map<string, Set<() => void>>()
  /**
   * All entries, the one with the oldest heartbeat first. They are in the order of expiry, because the ttl is
   * the same for all.
   */
  readonly #byHeartbeat = new Set<Entry>()
  #registrations = 0
  #timer: AbortController | undefined

  constructor(options: MemoryRegistryOptions = {}) {
    checkObject('MemoryRegistry', options, ['ttl', 'clock'])
    const { ttl = 30_000, clock = systemClock } = options
    this.#ttl = checkNumber('ttl', ttl, { exclusive: true })
    checkMethods('clock', clock, ['now', 'sleep', 'random'])
    this.#clock = clock
  }

  /**
   * Adds the instance. It replaces an instance with the same id or the same url. Clients probe it at once,
   * whatever the state of their breakers for the older one. To renew a registration, use `heartbeat()` or the
   * lease.
   */
  register(service: string, init: InstanceInit): MemoryLease {
    checkText('service', service)
    // A restarted process may register with the same data. The registration tells clients that it is a new
    // process.
    const instance = withRegistration(toInstance(init), ++this.#registrations)
    this.#expire()
    const before = this.#services.get(service)
    const sameId = before?.byId.get(instance.id)
    const sameUrl = before?.byUrl.get(instance.url)
    const entry: Entry = { service, instance, lastHeartbeat: this.#clock.now() }
    if (sameUrl && sameUrl !== sameId) this.#remove(sameUrl)
    const { byId, byUrl } = this.#service(service)
    if (sameId) {
      this.#byHeartbeat.delete(sameId)
      byUrl.delete(sameId.instance.url)
    }
    byId.set(instance.id, entry)
    byUrl.set(instance.url, entry)
    this.#byHeartbeat.add(entry)
    this.#notifyWatchers(service)
    this.#schedule()
    return {
      instance,
      ttl: this.#ttl,
      renew: () => this.#renew(entry) || this.#throwIfReplaced(entry),
      release: () => {
        this.#remove(entry)
      },
    }
  }

  /** Returns false when the instance was not registered. */
  deregister(service: string, id: string): boolean {
    const entry = this.#find(service, id)
    return entry !== undefined && this.#remove(entry)
  }

  /** Returns false when the instance is not registered, or no longer: register it again. */
  heartbeat(service: string, id: string): boolean {
    const entry = this.#find(service, id)
    return entry !== undefined && this.#renew(entry)
  }

  /** The instances whose last heartbeat is at most the ttl ago. */
  discover(service: string): readonly Instance[] {
    checkText('service', service)
    this.#expire()
    const state = this.#services.get(service)
    if (!state) return NO_INSTANCES
    state.snapshot ??= Object.freeze(Array.from(state.byId.values(), (entry) => entry.instance))
    return state.snapshot
  }

  /** A slow consumer gets the newest snapshot and misses those in between. */
  async *watch(service: string, { signal }: SignalContext): AsyncGenerator<readonly Instance[], void> {
    checkText('service', service)
    let seen: readonly Instance[] | undefined
    while (!signal.aborted) {
      const current = this.discover(service)
      if (current === seen) await this.#nextChange(service, signal)
      else yield (seen = current)
    }
  }

  #find(service: string, id: string): Entry | undefined {
    checkText('service', service)
    checkText('id', id)
    this.#expire()
    return this.#services.get(service)?.byId.get(id)
  }

  #service(service: string): Service {
    let state = this.#services.get(service)
    if (!state) {
      state = { byId: new Map(), byUrl: new Map(), snapshot: undefined }
      this.#services.set(service, state)
    }
    return state
  }

  #renew(entry: Entry): boolean {
    this.#expire()
    // The entry was removed, or a newer registration replaced it.
    if (!this.#byHeartbeat.delete(entry)) return false
    entry.lastHeartbeat = this.#clock.now()
    this.#byHeartbeat.add(entry)
    return true
  }

  /** Throws if another instance has the id or the url of this entry, otherwise returns false. */
  #throwIfReplaced({ service, instance: { id, url } }: Entry): false {
    const state = this.#services.get(service)
    for (const holder of [state?.byUrl.get(url), state?.byId.get(id)]) {
      if (!holder || (holder.instance.id === id && holder.instance.url === url)) continue
      const taker = `${quote(holder.instance.id)} at ${holder.instance.url}`
      throw new OutriggerError(
        'ERR_OUTRIGGER_REGISTRAR',
        `${taker} of ${service} replaced ${quote(id)} at ${url}`,
      )
    }
    return false
  }

  #remove(entry: Entry): boolean {
    const state = this.#services.get(entry.service)
    if (!state || !this.#byHeartbeat.delete(entry)) return false
    state.byId.delete(entry.instance.id)
    state.byUrl.delete(entry.instance.url)
    if (state.byId.size === 0) this.#services.delete(entry.service)
    if (this.#byHeartbeat.size === 0) this.#timer?.abort()
    this.#notifyWatchers(entry.service)
    return true
  }

  #notifyWatchers(service: string): void {
    const state = this.#services.get(service)
    if (state) state.snapshot = undefined
    const waiting = this.#waiting.get(service)
    this.#waiting.delete(service)
    waiting?.forEach((wake) => wake())
  }

  #nextChange(service: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(service) ?? new Set()
      this.#waiting.set(service, waiting)
      const wake = (): void => {
        signal.removeEventListener('abort', wake)
        waiting.delete(wake)
        if (waiting.size === 0 && this.#waiting.get(service) === waiting) this.#waiting.delete(service)
        resolve()
      }
      waiting.add(wake)
      signal.addEventListener('abort', wake)
    })
  }

  #expire(): void {
    const now = this.#clock.now()
    for (const entry of this.#byHeartbeat) {
      if (now - entry.lastHeartbeat <= this.#ttl) return
      this.#remove(entry)
    }
  }

  /** Runs one timer, until the oldest heartbeat expires. The timer does not keep the process alive. */
  #schedule(): void {
    const [oldest] = this.#byHeartbeat
    if (!oldest || this.#timer) return
    const timer = new AbortController()
    this.#timer = timer
    // One millisecond more: a heartbeat that is exactly as old as the ttl is still valid.
    const ms = oldest.lastHeartbeat + this.#ttl + 1 - this.#clock.now()
    const next = (): void => {
      this.#timer = undefined
      this.#expire()
      this.#schedule()
    }
    this.#clock.sleep(ms, timer.signal, { ref: false }).then(next, next)
  }
}
