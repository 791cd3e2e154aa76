import { createClient, type Client } from '../client/create-client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { ExecuteOptions } from '../doors/execute/operation.ts'
import { isIdempotent } from '../verdict/again.ts'
import { checkBoolean, checkFunction, checkNumber, checkObject, quote } from '../options.ts'
import { isPlainObject } from '../registry/plain-data.ts'
import type { Instance } from '../registry/source.ts'
import { checkText } from '../registry/text.ts'
import { parseRouteKey } from '../routes/key.ts'
import { checkArrivals, nextArrival, type SimulatedArrivals } from './arrivals.ts'
import { ManualClock } from './clock.ts'
import { Recorder, type SimulationReport } from './report.ts'
import { Rng } from './rng.ts'
import {
  failWith,
  Servers,
  type SimulatedAnswer,
  type SimulatedRequest,
  type SimulatedServer,
} from './servers.ts'

/** What the function that makes a simulated client's policy can read. A real client does not know all of it. */
export interface ClientContext {
  /** The number of the client, from 0 to `clients - 1`. */
  readonly index: number
  /** The number of requests that a server is processing now, from all clients together. */
  readonly inFlight: (server: string) => number
}

/** The options of a client without those that the simulation sets. */
export type SimulatedPolicy = Omit<ClientOptions, 'service' | 'source' | 'clock'>

/** Options of `simulate()`. */
export interface SimulationOptions {
  /** The seed of all random numbers. The same seed gives the same report. @default 1 */
  seed?: number
  /** How long requests keep arriving, in simulated ms. The simulation then waits for the calls in progress. */
  duration: number
  /** Requests that arrive before this time, in simulated ms, are sent but not reported. @default 0 */
  warmup?: number
  /** The number of independent clients, each with its own fleet. @default 1 */
  clients?: number
  /** Returns the policy under test. Called once for each client. @default the defaults */
  client?: (context: ClientContext) => SimulatedPolicy
  /** The modelled servers. */
  servers: readonly SimulatedServer[]
  /** When requests arrive. */
  arrivals: SimulatedArrivals
  /** Returns the request to send. @default a GET of '/' */
  request?: (index: number, random: () => number) => SimulatedRequest
  /**
   * Returns whether a call is a success for the caller. `status` is undefined when the call failed without an
   * answer. `ms` is Infinity when the call never ended.
   * @default a status below 500 that is not 429
   */
  success?: (result: { status: number | undefined; ms: number }) => boolean
}

const OPTIONS: Record<keyof SimulationOptions, true> = {
  seed: true,
  duration: true,
  warmup: true,
  clients: true,
  client: true,
  servers: true,
  arrivals: true,
  request: true,
  success: true,
}

/** How far the time advances between two checks whether all calls have ended, in simulated ms. */
const PATIENCE = 10_000

/**
 * Tests a policy on a model of a fleet in virtual time. It runs the real client code against modelled servers.
 * The same seed gives the same result.
 *
 * @example
 * const report = await simulate({
 *   duration: 60_000,
 *   client: () => ({ balance: leastRequest() }),
 *   servers: [{ id: 'a', respond: ({ random }) => ({ after: 10 + 5 * random(), status: 200 }) }],
 *   arrivals: { rate: 200 },
 * })
 * console.log(report.success, report.latency.p99)
 */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  checkObject('simulate()', options, Object.keys(OPTIONS))
  const { seed = 1, duration, warmup = 0, arrivals, clients: count = 1 } = options
  const { client: policyOf = defaults, request = defaults, success = isSuccess } = options
  checkNumber('duration', duration, { exclusive: true, max: Number.MAX_SAFE_INTEGER })
  checkNumber('warmup', warmup, { max: duration })
  checkNumber('seed', seed, { integer: true, max: 2 ** 32 - 1 })
  checkNumber('clients', count, { min: 1, integer: true })
  checkArrivals(arrivals)
  checkFunction('client', policyOf)
  checkFunction('request', request)
  checkFunction('success', success)
  const rng = new Rng(seed)
  const clock = new ManualClock({ seed: rng.next() * 2 ** 32 })
  const servers = new Servers(options.servers, clock, rng.fork())
  const recorder = new Recorder(options.servers.map(({ id }) => id))
  // Traffic has a separate stream of random numbers: with the same seed, the same requests arrive at the same
  // times, whatever the policy.
  const traffic = rng.fork()
  const random = (): number => traffic.next()
  const clients = Array.from({ length: count }, (_, index) => {
    const inFlight = (server: string): number => servers.inFlight(server)
    const policy = policyOf({ index, inFlight })
    checkPolicy(policy)
    const client = createClient({ ...policy, service: 'simulated', source: servers, clock })
    recorder.listen(client, index)
    return { client, policy }
  })
  /** The calls that have not ended, with their start time in simulated ms. */
  const open = new Map<number, number>()
  let arrived = 0

  const send = ({ client, policy }: { client: Client; policy: SimulatedPolicy }): void => {
    const scheduled = clock.now()
    const index = arrived++
    const sent = request(index, random)
    checkRequest(sent)
    const measured = scheduled >= warmup
    if (measured) open.set(index, scheduled)
    const finish = (status: number | undefined): void => {
      if (!measured) return
      open.delete(index)
      const ms = clock.now() - scheduled
      try {
        recorder.settled(scheduled, ms, checkSuccess(success({ status, ms })))
      } catch (error) {
        failWith(clock, error)
      }
    }
    const run = ({ id }: Instance): Promise<SimulatedAnswer> => {
      if (measured) recorder.sent(id)
      return servers.respond(id, sent)
    }
    client.execute(run, executeOptions(sent, policy)).then(
      ({ status }) => finish(status),
      () => finish(undefined),
    )
  }
  const schedule = (): void => {
    const at = nextArrival(arrivals, clock.now(), duration, random)
    if (at === Infinity) return
    clock.timer(at - clock.now(), () => {
      schedule()
      const client = clients[Math.floor(random() * clients.length)]
      if (client) send(client)
    })
  }

  schedule()
  await clock.advance(duration)
  // Wait for the calls in progress, as long as a timer is left that can end them.
  while (open.size > 0 && clock.timers > 0) await clock.advance(PATIENCE)
  for (const scheduled of open.values()) {
    recorder.settled(scheduled, Infinity, checkSuccess(success({ status: undefined, ms: Infinity })))
  }
  const report = recorder.report()
  const closing = Promise.all(clients.map(({ client }) => client.close()))
  await whileWaiting(closing, clock)
  return report
}

/** Advances the time until `closing` settles, because a client drains by the clock. */
async function whileWaiting(closing: Promise<unknown>, clock: ManualClock): Promise<void> {
  const done = new AbortController()
  const closed = closing.finally(() => done.abort())
  while (!done.signal.aborted) await clock.advance(PATIENCE)
  await closed
}

/** A method that is not idempotent is not retried, unless its route allows it. */
function executeOptions({ method, route }: SimulatedRequest, { routes }: SimulatedPolicy): ExecuteOptions {
  const idempotent =
    (route === undefined ? undefined : routes?.[route]?.idempotent) ??
    (method === undefined || isIdempotent(method.toUpperCase(), false))
  return route === undefined ? { idempotent } : { route, idempotent }
}

function isSuccess({ status }: { status: number | undefined }): boolean {
  return status !== undefined && status < 500 && status !== 429
}

function defaults(): object {
  return {}
}

/** Without this check, a promise of a policy would count as an empty policy. */
function checkPolicy(policy: unknown): void {
  if (!isPlainObject(policy)) throw new TypeError(`client() must return an object, got ${quote(policy)}`)
  for (const name of ['service', 'source', 'clock']) {
    if (!(name in policy)) continue
    throw new TypeError(
      `client() must not return ${name}, which is the simulation's, got ${quote(policy[name])}`,
    )
  }
}

/** A client also refuses an invalid route, but as a failed call. */
function checkRequest(request: SimulatedRequest): void {
  checkObject('request()', request, ['method', 'path', 'route'])
  const { method, path, route } = request
  if (method !== undefined) checkText('request().method', method)
  if (path !== undefined) checkText('request().path', path)
  if (route !== undefined) parseRouteKey(route)
}

function checkSuccess(good: boolean): boolean {
  checkBoolean('success()', good)
  return good
}
