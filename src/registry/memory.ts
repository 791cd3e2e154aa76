import { systemClock, type Clock } from '../clock.ts'
import { OutriggerError } from '../errors.ts'
import { checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { toInstance } from './instance.ts'
import { registeredBy } from './registration.ts'
import type { Instance, InstanceInit, Lease, Registrar, SignalContext, Source } from './source.ts'
import { checkText } from './text.ts'

/** Options of `new MemoryRegistry()`. */
export interface MemoryRegistryOptions {
  /**
   * How long an instance is discovered after its last heartbeat, in ms.
   * @default 30_000
   */
  ttl?: number
  /** @default the system's */
  clock?: Clock
}

/** A {@link Lease} that needs no network. */
export interface MemoryLease extends Lease {
  /** The instance as it was registered, with its id. */
  readonly instance: Instance
  /** Throws while another instance has its id or its url: to register again would only take turns with that one. */
  renew(): boolean
  release(): void
}

interface Entry {
  readonly service: string
  readonly instance: Instance
  beat: number
}

interface Service {
  readonly byId: Map<string, Entry>
  readonly byUrl: Map<string, Entry>
  /** Rebuilt on demand; a watcher has seen the current state when it holds this very array. */
  snapshot: readonly Instance[] | undefined
}

const NOBODY: readonly Instance[] = Object.freeze([])

/**
 * The embedded registry: a source and a registrar within one process.
 *
 * @example
 * const registry = new MemoryRegistry({ ttl: 30_000 })
 * registry.register('user-service', { url: 'http://127.0.0.1:8080' })
 * registry.discover('user-service') // [{ id: '127.0.0.1:8080', url: 'http://127.0.0.1:8080' }]
 */
export class MemoryRegistry implements Source, Registrar {
  /** It cannot lose its memory and live, so a drop to zero is real. */
  readonly emptyGrace = 0
  readonly isOwn = true
  readonly #ttl: number
  readonly #clock: Clock
  readonly #services = new Map<string, Service>()
  /** Who waits for the next change of a service. */
  readonly #waiting = new Map<string, Set<() => void>>()
  /** All entries, the one with the oldest heartbeat first: the ttl is the same for all. */
  readonly #beats = new Set<Entry>()
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
   * Adds the instance; one with the same id or the same url gives way to it. Clients probe it at once, whatever their
   * breakers knew of the older one. To renew a registration, use `heartbeat()` or the lease.
   */
  register(service: string, init: InstanceInit): MemoryLease {
    checkText('service', service)
    // A process that restarts says the same of itself: clients learn from the registration that it is a new one.
    const instance = registeredBy(toInstance(init), ++this.#registrations)
    this.#expire()
    const before = this.#services.get(service)
    const sameId = before?.byId.get(instance.id)
    const sameUrl = before?.byUrl.get(instance.url)
    const entry: Entry = { service, instance, beat: this.#clock.now() }
    if (sameUrl && sameUrl !== sameId) this.#remove(sameUrl)
    const { byId, byUrl } = this.#service(service)
    if (sameId) {
      this.#beats.delete(sameId)
      byUrl.delete(sameId.instance.url)
    }
    byId.set(instance.id, entry)
    byUrl.set(instance.url, entry)
    this.#beats.add(entry)
    this.#changed(service)
    this.#schedule()
    return {
      instance,
      ttl: this.#ttl,
      renew: () => this.#renew(entry) || this.#refuseTaken(entry),
      release: () => {
        this.#remove(entry)
      },
    }
  }

  /** False when the instance was not registered. */
  deregister(service: string, id: string): boolean {
    const entry = this.#find(service, id)
    return entry !== undefined && this.#remove(entry)
  }

  /** False when the instance is not, or no longer, registered: register it again. */
  heartbeat(service: string, id: string): boolean {
    const entry = this.#find(service, id)
    return entry !== undefined && this.#renew(entry)
  }

  /** The instances whose last heartbeat is not older than the ttl. */
  discover(service: string): readonly Instance[] {
    checkText('service', service)
    this.#expire()
    const state = this.#services.get(service)
    if (!state) return NOBODY
    state.snapshot ??= Object.freeze(Array.from(state.byId.values(), (entry) => entry.instance))
    return state.snapshot
  }

  /** A slow consumer gets the newest snapshot, never a backlog. */
  async *watch(service: string, { signal }: SignalContext): AsyncGenerator<readonly Instance[], void> {
    checkText('service', service)
    let seen: readonly Instance[] | undefined
    while (!signal.aborted) {
      const current = this.discover(service)
      if (current === seen) await this.#change(service, signal)
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
    // Gone, or replaced by a newer registration.
    if (!this.#beats.delete(entry)) return false
    entry.beat = this.#clock.now()
    this.#beats.add(entry)
    return true
  }

  /** False, unless somebody else is registered in its place. */
  #refuseTaken({ service, instance: { id, url } }: Entry): false {
    const state = this.#services.get(service)
    for (const holder of [state?.byUrl.get(url), state?.byId.get(id)]) {
      if (!holder || (holder.instance.id === id && holder.instance.url === url)) continue
      const taker = `${quote(holder.instance.id)} at ${holder.instance.url}`
      throw new OutriggerError(
        'ERR_OUTRIGGER_REGISTRAR',
        `${taker} of ${service} has taken the place of ${quote(id)} at ${url}`,
      )
    }
    return false
  }

  #remove(entry: Entry): boolean {
    const state = this.#services.get(entry.service)
    if (!state || !this.#beats.delete(entry)) return false
    state.byId.delete(entry.instance.id)
    state.byUrl.delete(entry.instance.url)
    if (state.byId.size === 0) this.#services.delete(entry.service)
    if (this.#beats.size === 0) this.#timer?.abort()
    this.#changed(entry.service)
    return true
  }

  #changed(service: string): void {
    const state = this.#services.get(service)
    if (state) state.snapshot = undefined
    const waiting = this.#waiting.get(service)
    this.#waiting.delete(service)
    waiting?.forEach((wake) => wake())
  }

  #change(service: string, signal: AbortSignal): Promise<void> {
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
    for (const entry of this.#beats) {
      if (now - entry.beat <= this.#ttl) return
      this.#remove(entry)
    }
  }

  /** One background sleep, until the oldest heartbeat would be too old. */
  #schedule(): void {
    const [oldest] = this.#beats
    if (!oldest || this.#timer) return
    const timer = new AbortController()
    this.#timer = timer
    // A millisecond on, because exactly as old as the ttl is not yet too old.
    const ms = oldest.beat + this.#ttl + 1 - this.#clock.now()
    const next = (): void => {
      this.#timer = undefined
      this.#expire()
      this.#schedule()
    }
    this.#clock.sleep(ms, timer.signal, { ref: false }).then(next, next)
  }
}
