import { fanOut } from './fan-out.ts'

type Start = (signal: AbortSignal) => Promise<Response>

/**
 * Identical requests at the same time share one. Callers join until its headers arrive; then each gets a
 * Response of its own, and who comes later asks again.
 *
 * @example
 * const response = await coalescer.run(key, signal, (shared) => send({ signal: shared }))
 */
export class Coalescer {
  readonly #flights = new Map<string, Flight>()

  /** Requests that may be joined now. */
  get size(): number {
    return this.#flights.size
  }

  /**
   * `start` is called if nobody has asked yet. Its signal aborts when the last caller has given up; every
   * caller's own `signal` ends nothing but that caller's wait, and the reading of its body.
   */
  run(key: string, signal: AbortSignal | undefined, start: Start): Promise<Response> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const known = this.#flights.get(key)
    if (known) return known.join(signal)
    const flight = new Flight(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    const response = flight.join(signal)
    flight.depart(start)
    return response
  }
}

interface Passenger {
  readonly signal: AbortSignal | undefined
  readonly resolve: (response: Response) => void
  readonly reject: (reason: unknown) => void
  readonly unlisten: () => void
}

class Flight {
  readonly #controller = new AbortController()
  readonly #passengers = new Set<Passenger>()
  /** Nobody can join any more. */
  readonly #close: () => void

  constructor(close: () => void) {
    this.#close = close
  }

  join(signal: AbortSignal | undefined): Promise<Response> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#leave(passenger)
      const unlisten = (): void => signal?.removeEventListener('abort', giveUp)
      const passenger: Passenger = { signal, resolve, reject, unlisten }
      this.#passengers.add(passenger)
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  depart(start: Start): void {
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
    this.#close()
    this.#controller.abort(reason)
  }

  #arrive(response: Response): void {
    if (this.#passengers.size === 0) {
      response.body?.cancel().catch(() => {})
      return
    }
    const signals = [...this.#passengers].map(({ signal }) => signal)
    const responses = fanOut(response, signals)
    for (const [index, passenger] of this.#disembark().entries()) passenger.resolve(responses[index]!)
  }

  #disembark(): Passenger[] {
    const passengers = [...this.#passengers]
    // Nobody left: whoever was last has closed it, and there may be another by now.
    if (passengers.length > 0) this.#close()
    this.#passengers.clear()
    for (const { unlisten } of passengers) unlisten()
    return passengers
  }
}
