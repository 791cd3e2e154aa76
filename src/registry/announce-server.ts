import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { Server as TlsServer } from 'node:tls'
import type { Clock } from '../clock.ts'
import { checkNumber, checkObject, checkMethods, quote } from '../options.ts'
import {
  ANNOUNCE_OPTIONS,
  announceSettings,
  startAnnouncer,
  type AnnounceOptions,
  type Announcement,
} from './announce.ts'
import { report, type Announcer, type AnnouncerSettings } from './announcer.ts'
import { toInstance } from './instance.ts'
import {
  healthSettings,
  Readiness,
  type HealthFunction,
  type HealthSettings,
  type ServerHealthOptions,
} from './readiness.ts'
import type { Instance, InstanceInit, Registrar } from './source.ts'

/** A node:http or node:https server. */
export type AnnouncedServer = Server & {
  closeIdleConnections(): void
  closeAllConnections(): void
}

/** Options of `announceServer()`. */
export interface AnnounceServerOptions extends AnnounceOptions {
  /** The url that clients use, for a server behind a proxy or a mapped port. */
  url?: string
  /**
   * The host in the url, when the server listens on all addresses.
   * @default the machine's first external IPv4 address, or else 127.0.0.1
   */
  host?: string
  /** The other fields of the instance: id, weight, zone, metadata, … */
  instance?: Omit<InstanceInit, 'url'>
  /**
   * Called at an interval: can the server do its work? While it cannot, the instance is registered as draining.
   * @default the server is healthy as long as it listens
   */
  health?: HealthFunction | ServerHealthOptions
  /**
   * How long the server accepts requests after its lease is released, in ms, so that clients notice in time.
   * @default 2_000
   */
  drainDelay?: number
  /**
   * How long the requests that are then in flight may take, in ms, before their connections are closed.
   * @default 10_000
   */
  closeTimeout?: number
}

/** A server's entry in a registry, and whether the server is ready for requests. */
export interface ServerAnnouncement extends Announcement {
  /**
   * True while the server listens and `health`, if it is set, reports true. False as soon as `close()` is
   * called or the signal aborts, which is before the drain delay. It does not depend on the registry.
   */
  readonly ready: boolean
}

const OPTIONS = [...ANNOUNCE_OPTIONS, 'url', 'host', 'instance', 'health', 'drainDelay', 'closeTimeout']
const INSTANCE = ['id', 'weight', 'zone', 'priority', 'draining', 'metadata']

/** In ms. How often the shutdown looks for keep-alive connections that have become idle. */
const IDLE_CHECK = 50

/** How often, at most, the shutdown reads new input before the server closes: clients may keep sending. */
const QUIET_ROUNDS = 20

/**
 * Announces a server once it listens. `close()` stops it without a failed request: `ready` becomes false,
 * heartbeats stop, the lease is released, clients get `drainDelay` to notice, then the server stops accepting
 * and finishes the requests in flight. With `health`, the server is registered after the first answer of
 * `health`.
 *
 * @example
 * const announced = announceServer(registry, 'user-service', http.createServer(handler).listen(8080))
 * process.once('SIGTERM', () => announced.then((me) => me.close()))
 */
export async function announceServer(
  registrar: Registrar,
  service: string,
  server: AnnouncedServer,
  options: AnnounceServerOptions = {},
): Promise<ServerAnnouncement> {
  checkObject('announceServer', options, OPTIONS)
  checkMethods('server', server, ['address', 'close', 'closeAllConnections'])
  const { url, host, instance = {}, health, drainDelay = 2000, closeTimeout = 10_000, ...rest } = options
  checkNumber('drainDelay', drainDelay)
  checkNumber('closeTimeout', closeTimeout)
  checkObject('instance', instance, INSTANCE)
  if (host !== undefined) checkHost(host)
  const healthToCheck = health === undefined ? undefined : healthSettings(health)
  // Check all options before the server listens. A placeholder url stands for the url that is not known yet.
  const settings = announceSettings(registrar, service, rest)
  const { signal, clock, timeout } = settings
  toInstance({ ...instance, url: url === undefined ? 'http://127.0.0.1' : url })
  signal?.throwIfAborted()
  if (!server.listening) await waitUntilListening(server, { service, clock, timeout, signal })
  const own = toInstance({ ...instance, url: url === undefined ? serverUrl(server, host) : url })
  const { announcer, readiness } = await startWithHealth(settings, own, healthToCheck)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= (async () => {
      signal?.removeEventListener('abort', onEnd)
      readiness?.stop()
      await announcer.close()
      await shutDown(server, clock, drainDelay, closeTimeout)
    })()
    return closing
  }
  const onEnd = (): void => void close()
  signal?.addEventListener('abort', onEnd)
  // The caller closed the server, so it must not be announced any more.
  server.once('close', onEnd)
  // Or the server was closed, or the signal aborted, while the registry was registering it.
  if (signal?.aborted || !server.listening) onEnd()
  return {
    instance: announcer.instance,
    get registered() {
      return announcer.registered
    },
    get ready() {
      return !closing && !signal?.aborted && server.listening && (readiness?.ready ?? true)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Watched {
  readonly announcer: Announcer
  readonly readiness: Readiness | undefined
}

/** Waits for the first health answer, then registers the instance accordingly. */
async function startWithHealth(
  settings: AnnouncerSettings,
  instance: Instance,
  health: HealthSettings | undefined,
): Promise<Watched> {
  if (!health) return { announcer: await startAnnouncer(settings, instance, instance), readiness: undefined }
  const { clock, signal, service } = settings
  const whileUnhealthy =
    health.whenUnhealthy === 'drain' ? toInstance({ ...instance, draining: true }) : undefined
  let announcer: Announcer | undefined
  const wanted = (): Instance | undefined => (readiness.ready ? instance : whileUnhealthy)
  const readiness = new Readiness(health, clock, {
    onChange: () => announcer?.want(wanted()),
    onError: (error, failures) =>
      report(settings, error, failures, `${service} is not ready: its health failed`),
  })
  const stop = (): void => readiness.stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await readiness.start()
    announcer = await startAnnouncer(settings, instance, wanted())
    // The health may have changed while the registry was registering the instance.
    announcer.want(wanted())
    return { announcer, readiness }
  } catch (error) {
    readiness.stop()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

interface Wait {
  readonly service: string
  readonly clock: Clock
  readonly timeout: number
  readonly signal: AbortSignal | undefined
}

/** Waits until the server listens. Warns after `timeout` ms, because `listen()` may have been forgotten. */
async function waitUntilListening(
  server: AnnouncedServer,
  { service, clock, timeout, signal }: Wait,
): Promise<void> {
  const over = new AbortController()
  const warn = (): void =>
    process.emitWarning(`${service} is not announced: after ${timeout} ms its server does not listen yet`, {
      code: 'OUTRIGGER_ANNOUNCE',
    })
  clock.sleep(timeout, over.signal).then(warn, () => {})
  const closed = (): void => over.abort(new Error(`the server of ${service} was closed before it listened`))
  server.once('close', closed)
  const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal
  try {
    await once(server, 'listening', { signal: either })
  } catch (error) {
    if (either.aborted) throw either.reason
    throw error
  } finally {
    server.off('close', closed)
    over.abort()
  }
}

/** The url under which other hosts reach a listening server. */
export function serverUrl(server: AnnouncedServer, host?: string): string {
  if (host !== undefined) checkHost(host)
  const address = server.address()
  if (address === null || typeof address === 'string') {
    throw new TypeError('a server on a unix socket or a pipe needs the url option')
  }
  const scheme = server instanceof TlsServer ? 'https' : 'http'
  const { address: own, port } = address
  return originAt(scheme, host === undefined ? (isUnspecified(own) ? externalAddress() : own) : host, port)
}

function originAt(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}

function checkHost(host: unknown): void {
  const url = typeof host === 'string' ? URL.parse(originAt('http', host, 1)) : null
  if (url?.port === '1' && url.href === `${url.origin}/`) return
  throw new TypeError(`host must be a host name or an IP address, got ${quote(host)}`)
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

function externalAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const external = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)
  return external?.address ?? '127.0.0.1'
}

async function shutDown(
  server: AnnouncedServer,
  clock: Clock,
  drainDelay: number,
  closeTimeout: number,
): Promise<void> {
  if (!server.listening) return
  // During the drain, each HTTP/1.1 response tells its client to close the connection. So at the end of the
  // drain, fewer connections are left on which a client could send a request at the moment when they are
  // closed.
  server.prependListener('request', endConnection)
  await clock.sleep(drainDelay)
  await waitUntilQuiet(server, clock)
  const done = new AbortController()
  server.close(() => done.abort())
  const deadline = clock.now() + closeTimeout
  try {
    while (clock.now() < deadline) {
      // server.close() does not close keep-alive connections that were busy at that moment.
      server.closeIdleConnections()
      await clock.sleep(IDLE_CHECK, done.signal)
      await socketsRead(clock)
    }
    server.closeAllConnections()
    await clock.sleep(IDLE_CHECK, done.signal)
  } catch {
    // The server has closed.
  }
}

/** Waits until no connection and no request arrives any more, for at most QUIET_ROUNDS rounds. */
async function waitUntilQuiet(server: AnnouncedServer, clock: Clock): Promise<void> {
  let arrived = 0
  const count = (): void => void arrived++
  server.on('connection', count).on('request', count)
  for (let round = 0, before = -1; round < QUIET_ROUNDS && arrived !== before; round++) {
    before = arrived
    // The first turn accepts a waiting connection. The second turn reads what it sent.
    await socketsRead(clock)
    await socketsRead(clock)
  }
  server.off('connection', count).off('request', count)
}

/**
 * Waits until the event loop has read all sockets. Timers run before that. A connection looks idle while its
 * next request has arrived but is not read yet, and closing it would lose that request.
 */
function socketsRead(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    if (clock.poll) clock.poll(resolve)
    else resolve()
  })
}

/** HTTP/1 only: HTTP/2 has no such header and ends connections with GOAWAY (RFC 9113). */
function endConnection(request: IncomingMessage, response: ServerResponse): void {
  if (request.httpVersionMajor === 1) response.setHeader('connection', 'close')
}
