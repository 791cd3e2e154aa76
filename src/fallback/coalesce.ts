import { AsyncResource } from 'node:async_hooks'
import { checkObject } from '../options.ts'
import { fanOut } from './fan-out.ts'
import { RequestKeys, type Asked, type KeyOptions } from './key.ts'
import type { Holder } from './kept.ts'
import { isWhole } from './response.ts'
import { acceptedAge, mayShare } from './rules.ts'

/** Which requests are the same. */
export type CoalesceOptions = KeyOptions

/** One caller's request. */
export interface Joining {
  readonly signal: AbortSignal | undefined
  /** Sends it for all who share it, under a signal that aborts when the last of them has given up. */
  start(shared: AbortSignal): Promise<Response>
  /** The request of another caller is under way, and this one waits for its answer. */
  joined?(): void
  /** Sends it for this caller alone, because the answer to the shared one was not for him. */
  alone(): Promise<Response>
}

/** What a request is shared under. */
export interface SharedKey {
  readonly text: string
  readonly path: string
}

/** Keys remembered because their answers are not to be shared: they are not waited for in vain again. */
const MAX_UNSHARED = 256

/**
 * Identical requests at the same time share one. Callers join until its headers arrive; then each gets a
 * Response of its own, and who comes later asks again. An answer that is for one only goes to one: the others ask
 * on their own, and so do those who come after them, until an answer may be shared again.
 *
 * @example
 * const response = await coalescer.run(key, { signal, start: (shared) => send(shared), alone: () => send(signal) })
 */
export class Coalescer implements Holder {
  readonly #keys: RequestKeys
  /** By path, then by key. */
  readonly #flights = new Map<string, Map<string, Flight>>()
  /** Least recently seen first. */
  readonly #unshared = new Set<string>()

  constructor(options: CoalesceOptions = {}, name = 'coalesce') {
    checkObject(name, options, ['ignoreHeaders', 'keyHeaders'])
    this.#keys = new RequestKeys(options, name)
  }

  /** Requests that may be joined now. */
  get size(): number {
    let size = 0
    for (const flights of this.#flights.values()) size += flights.size
    return size
  }

  /** Undefined for a request that is not shared: other methods than GET, and callers who want to ask anew. */
  key(asked: Asked, cacheMode: string): SharedKey | undefined {
    if (asked.method !== 'GET' || acceptedAge(asked.headers, cacheMode) === 0) return undefined
    return this.#keys.of(asked)
  }

  /** Every caller's own `signal` ends nothing but that caller's wait, and the reading of its body. */
  run(key: SharedKey, joining: Joining): Promise<Response> {
    const { signal } = joining
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#unshared.has(key.text)) return joining.alone().then((response) => this.#learn(key, response))
    const known = this.#flights.get(key.path)?.get(key.text)
    if (known) {
      joining.joined?.()
      return known.join(signal, AsyncResource.bind(joining.alone.bind(joining)))
    }
    const flight = new Flight({
      closed: () => this.#close(key, flight),
      isShared: (response) => !isWhole(response) || mayShare(this.#learn(key, response), this.#keys),
    })
    this.#open(key, flight)
    const response = flight.join(signal, () => joining.alone())
    flight.depart((shared) => joining.start(shared))
    return response
  }

  /** Who asks from now on may not get an answer from before the change. */
  changed(path: string): void {
    this.#flights.delete(path)
  }

  #open(key: SharedKey, flight: Flight): void {
    const flights = this.#flights.get(key.path)
    if (flights) flights.set(key.text, flight)
    else this.#flights.set(key.path, new Map([[key.text, flight]]))
  }

  #close(key: SharedKey, flight: Flight): void {
    const flights = this.#flights.get(key.path)
    if (flights?.get(key.text) !== flight) return
    flights.delete(key.text)
    if (flights.size === 0) this.#flights.delete(key.path)
  }

  #learn(key: SharedKey, response: Response): Response {
    this.#unshared.delete(key.text)
    if (isWhole(response) && !mayShare(response, this.#keys)) this.#unshared.add(key.text)
    if (this.#unshared.size > MAX_UNSHARED) {
      const [oldest = ''] = this.#unshared
      this.#unshared.delete(oldest)
    }
    return response
  }
}

interface Passenger {
  readonly signal: AbortSignal | undefined
  readonly alone: () => Promise<Response>
  readonly resolve: (response: Response) => void
  readonly reject: (reason: unknown) => void
  readonly unlisten: () => void
}

interface FlightRules {
  /** Nobody can join any more. */
  closed(): void
  /** Whether this answer is for everybody. */
  isShared(response: Response): boolean
}

class Flight {
  readonly #controller = new AbortController()
  readonly #passengers = new Set<Passenger>()
  readonly #rules: FlightRules

  constructor(rules: FlightRules) {
    this.#rules = rules
  }

  join(signal: AbortSignal | undefined, alone: () => Promise<Response>): Promise<Response> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#leave(passenger)
      const unlisten = (): void => signal?.removeEventListener('abort', giveUp)
      const passenger: Passenger = { signal, alone, resolve, reject, unlisten }
      this.#passengers.add(passenger)
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  depart(start: (shared: AbortSignal) => Promise<Response>): void {
    const attempt = async (): Promise<Response> => start(this.#controller.signal)
    attempt()
      .then((response) => this.#arrive(response))
      .catch((error: unknown) => {
        for (const passenger of this.#disembark()) passenger.reject(error)
      })
  }

  #leave(passenger: Passenger): void {
    const reason: unknown = passenger.signal?.reason
    this.#passengers.delete(passenger)
    passenger.reject(reason)
    if (this.#passengers.size > 0) return
    this.#rules.closed()
    this.#controller.abort(reason)
  }

  #arrive(response: Response): void {
    if (this.#passengers.size === 0) {
      response.body?.cancel().catch(() => {})
      return
    }
    const all = [...this.#passengers]
    const takers = this.#rules.isShared(response) ? all : all.slice(0, 1)
    const responses = fanOut(
      response,
      takers.map(({ signal }) => signal),
    )
    this.#disembark()
    for (const [index, passenger] of all.entries()) {
      if (index < takers.length) passenger.resolve(responses[index]!)
      else passenger.alone().then(passenger.resolve, passenger.reject)
    }
  }

  #disembark(): Passenger[] {
    const passengers = [...this.#passengers]
    // Nobody left: whoever was last has closed it, and there may be another by now.
    if (passengers.length > 0) this.#rules.closed()
    this.#passengers.clear()
    for (const { unlisten } of passengers) unlisten()
    return passengers
  }
}
