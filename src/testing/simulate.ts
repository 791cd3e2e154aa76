import { createClient, type Client } from '../client/create-client.ts'
import type { ClientOptions } from '../client/options.ts'
import { checkFunction, checkNumber, checkObject } from '../options.ts'
import { ManualClock } from './clock.ts'
import { Recorder, type SimulationReport } from './report.ts'
import type { Instance } from '../registry/source.ts'
import { Rng } from './rng.ts'
import { Servers, type SimulatedAnswer, type SimulatedRequest, type SimulatedServer } from './servers.ts'

/** What a simulated client may look at: real ones know less. */
export interface ClientContext {
  /** 0 to `clients - 1`. */
  readonly index: number
  /** Requests a server is working on right now, all clients taken together. */
  inFlight(server: string): number
}

export interface SimulationOptions {
  /** The same seed gives the same report. @default 1 */
  seed?: number
  /** How long requests keep arriving, in simulated ms. What has begun then is waited for. */
  duration: number
  /** What arrives before this, in simulated ms, is sent but not reported. @default 0 */
  warmup?: number
  /** Independent clients, each with a fleet of its own. @default 1 */
  clients?: number
  /** The policy under test, made afresh for each client. @default the defaults */
  client?: (context: ClientContext) => Omit<ClientOptions, 'service' | 'source' | 'clock'>
  servers: readonly SimulatedServer[]
  arrivals: {
    /** Requests per second over all clients. */
    rate: number
    /** @default 'poisson' */
    process?: 'poisson' | 'uniform'
    /** Multiplies the rate over time. @default 1 */
    shape?: (now: number) => number
  }
  /** @default a GET of '/' */
  request?: (index: number, random: () => number) => SimulatedRequest
  /** What counts as a success for the caller. @default a status below 500 that is not 429 */
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

/** Simulated ms between two looks whether all is over. */
const PATIENCE = 10_000

/**
 * Tries a policy on a model of a fleet, in virtual time: the real client code against modelled servers, with the
 * same result for the same seed.
 *
 * @example
 * const report = await simulate({
 *   duration: 60_000,
 *   client: () => ({ balance: peakEwma() }),
 *   servers: [{ id: 'a', respond: ({ random }) => ({ after: 10 + 5 * random(), status: 200 }) }],
 *   arrivals: { rate: 200 },
 * })
 * console.log(report.success, report.latency.p99)
 */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  check(options)
  const { seed = 1, duration, warmup = 0, success = isSuccess } = options
  const request = options.request ?? ((): SimulatedRequest => ({}))
  const rng = new Rng(seed)
  const clock = new ManualClock({ seed: rng.next() * 2 ** 32 })
  const servers = new Servers(options.servers, clock, rng.fork())
  const recorder = new Recorder(options.servers.map(({ id }) => id))
  const clients = Array.from({ length: options.clients ?? 1 }, (_, index): Client => {
    const policy = options.client?.({ index, inFlight: (server) => servers.inFlight(server) }) ?? {}
    const client = createClient({ ...policy, service: 'simulated', source: servers, clock })
    recorder.listen(client, index)
    return client
  })
  const chance = rng.fork()
  const random = (): number => chance.next()
  let arrived = 0
  let open = 0

  const send = (client: Client): void => {
    const scheduled = clock.now()
    const sent = request(arrived++, random)
    const measured = scheduled >= warmup
    open++
    const finish = (status: number | undefined): void => {
      const ms = clock.now() - scheduled
      open--
      if (measured) recorder.settled(scheduled, ms, success({ status, ms }))
    }
    const run = ({ id }: Instance): Promise<SimulatedAnswer> => {
      if (measured) recorder.sent(id)
      return servers.respond(id, sent)
    }
    client.execute(run, sent.route === undefined ? {} : { route: sent.route }).then(
      ({ status }) => finish(status),
      () => finish(undefined),
    )
  }
  const arrive = (): void => {
    if (clock.now() >= duration) return
    clock.timer(gap(options.arrivals, clock.now(), random), arrive)
    const client = clients[Math.floor(random() * clients.length)]
    if (client) send(client)
  }

  clock.timer(gap(options.arrivals, 0, random), arrive)
  await clock.advance(duration)
  // What has begun is waited for, as long as anything can still happen.
  while (open > 0 && clock.timers > 0) await clock.advance(PATIENCE)
  const closed = Promise.all(clients.map((client) => client.close()))
  await clock.advance(PATIENCE)
  await closed
  return recorder.report()
}

function isSuccess({ status }: { status: number | undefined }): boolean {
  return status !== undefined && status < 500 && status !== 429
}

/** Milliseconds to the next arrival. */
function gap(
  { rate, process = 'poisson', shape }: SimulationOptions['arrivals'],
  now: number,
  random: () => number,
): number {
  const mean = 1000 / (rate * Math.max(shape?.(now) ?? 1, 1e-9))
  return process === 'uniform' ? mean : -Math.log(1 - random()) * mean
}

function check(options: SimulationOptions): void {
  checkObject('simulate()', options, Object.keys(OPTIONS))
  checkNumber('duration', options.duration, { exclusive: true })
  checkNumber('warmup', options.warmup ?? 0, { max: options.duration })
  checkNumber('seed', options.seed ?? 1)
  checkNumber('clients', options.clients ?? 1, { min: 1, integer: true })
  checkObject('arrivals', options.arrivals, ['rate', 'process', 'shape'])
  checkNumber('arrivals.rate', options.arrivals.rate, { exclusive: true })
  if (!['poisson', 'uniform', undefined].includes(options.arrivals.process)) {
    throw new TypeError(`arrivals.process must be 'poisson' or 'uniform', got '${options.arrivals.process}'`)
  }
  for (const name of ['client', 'request', 'success'] as const) {
    if (options[name] !== undefined) checkFunction(name, options[name])
  }
}
