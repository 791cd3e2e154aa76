import { checkFunction, checkNumber, checkObject, quote } from '../options.ts'
import { toInstance } from '../registry/instance.ts'
import type { Instance, SignalContext, Source } from '../registry/source.ts'
import type { ManualClock } from './clock.ts'
import { checkText } from '../registry/text.ts'
import type { Rng } from './rng.ts'

/** One request of the simulated traffic. */
export interface SimulatedRequest {
  readonly method?: string
  readonly path?: string
  /** The key of a route, whose policy applies. */
  readonly route?: string
}

/** What a modelled server can read about a request. */
export interface ServerContext {
  /** The simulated time, in ms. */
  readonly now: number
  /** The number of requests that the server is processing, including this one. */
  readonly inFlight: number
  /** Returns a random number from 0 to 1, which depends on the seed. */
  readonly random: () => number
  readonly request: SimulatedRequest
}

/** The answer of a modelled server. */
export interface SimulatedAnswer {
  /** How long the server takes to answer, in simulated ms. */
  readonly after: number
  /** The HTTP status. */
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

/** A modelled server, as an instance in the registry. */
export interface SimulatedServer {
  readonly id: string
  /** When it enters the registry, in simulated ms. @default 0 */
  readonly joins?: number
  /** When it leaves the registry, in simulated ms. @default never */
  readonly leaves?: number
  readonly zone?: string
  /** As in an instance. @default 1 */
  readonly weight?: number
  /** As in an instance. @default 0 */
  readonly priority?: number
  /**
   * Returns the answer to a request that arrives now. `'never'` accepts the request and never answers.
   * `'refuse'` refuses the connection. State in the function, such as a queue, belongs to one simulation: make
   * new servers for each.
   */
  readonly respond: (context: ServerContext) => SimulatedAnswer | 'never' | 'refuse'
}

const OPTIONS = ['id', 'joins', 'leaves', 'zone', 'weight', 'priority', 'respond']
const ANSWER = ['after', 'status', 'headers']

/**
 * The modelled fleet, and the registry that lists it. A server finishes each request, even if the client has
 * given up.
 */
export class Servers implements Source {
  readonly emptyGrace = 0
  readonly #clock: ManualClock
  readonly #random: () => number
  readonly #servers: readonly SimulatedServer[]
  readonly #instances: ReadonlyMap<SimulatedServer, Instance>
  readonly #byId: ReadonlyMap<string, SimulatedServer>
  readonly #inFlight = new Map<string, number>()

  constructor(servers: readonly SimulatedServer[], clock: ManualClock, rng: Rng) {
    checkServers(servers)
    this.#clock = clock
    this.#random = (): number => rng.next()
    this.#servers = servers
    this.#byId = new Map(servers.map((server) => [server.id, server]))
    this.#instances = new Map(
      servers.map((server, index) => {
        const { joins: _joins, leaves: _leaves, respond: _respond, ...instance } = server
        return [server, toInstance({ ...instance, url: `http://server-${index}.invalid` })]
      }),
    )
  }

  /** The number of requests that a server is processing. */
  inFlight(id: string): number {
    return this.#inFlight.get(id) ?? 0
  }

  async *watch(_service: string, { signal }: SignalContext): AsyncGenerator<readonly Instance[]> {
    const changes = new Set(this.#servers.flatMap(({ joins = 0, leaves = Infinity }) => [joins, leaves]))
    yield this.#listed()
    for (const at of [...changes].toSorted((a, b) => a - b)) {
      if (at <= this.#clock.now()) continue
      await (at === Infinity ? forever(signal) : this.#clock.sleep(at - this.#clock.now(), signal))
      yield this.#listed()
    }
  }

  respond(id: string, request: SimulatedRequest): Promise<SimulatedAnswer> {
    const server = this.#byId.get(id)
    if (!server) return Promise.reject(new Error(`no server '${id}'`))
    const now = this.#clock.now()
    const inFlight = this.inFlight(id) + 1
    const answer = this.#answer(server, { now, inFlight, random: this.#random, request })
    if (answer === 'refuse') return Promise.reject(new TypeError('connect ECONNREFUSED'))
    this.#inFlight.set(id, inFlight)
    if (answer === 'never') return new Promise(() => {})
    return new Promise((resolve) => {
      this.#clock.timer(answer.after, () => {
        this.#inFlight.set(id, this.inFlight(id) - 1)
        resolve(answer)
      })
    })
  }

  /** An error in the model ends the simulation. Otherwise it would look like a failing server. */
  #answer(server: SimulatedServer, context: ServerContext): SimulatedAnswer | 'never' | 'refuse' {
    try {
      const answer = server.respond(context)
      if (answer === 'never' || answer === 'refuse') return answer
      checkObject(`the answer of server '${server.id}'`, answer, ANSWER)
      checkNumber(`after, of server '${server.id}'`, answer.after, { max: Number.MAX_SAFE_INTEGER })
      checkNumber(`status, of server '${server.id}'`, answer.status, { min: 200, max: 599, integer: true })
      return answer
    } catch (error) {
      failWith(this.#clock, error)
      return 'never'
    }
  }

  #listed(): readonly Instance[] {
    const now = this.#clock.now()
    return this.#servers
      .filter(({ joins = 0, leaves = Infinity }) => joins <= now && now < leaves)
      .flatMap((server) => this.#instances.get(server) ?? [])
  }
}

/** Ends the simulation with `error`. */
export function failWith(clock: ManualClock, error: unknown): void {
  clock.timer(0, () => {
    throw error
  })
}

function checkServers(servers: readonly SimulatedServer[]): void {
  if (!Array.isArray(servers) || servers.length === 0) {
    throw new TypeError(`servers must be an array that is not empty, got ${quote(servers)}`)
  }
  const ids = new Set<string>()
  for (const [index, server] of servers.entries()) {
    const name = `servers[${index}]`
    checkObject(name, server, OPTIONS)
    const { id, joins = 0, leaves = Infinity, respond } = server
    checkText(`${name}.id`, id)
    checkFunction(`${name}.respond`, respond)
    checkNumber(`${name}.joins`, joins)
    checkNumber(`${name}.leaves`, leaves, { min: joins })
    if (ids.has(id)) throw new TypeError(`${name}.id must be unique, got ${quote(id)} twice`)
    ids.add(id)
  }
}

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
