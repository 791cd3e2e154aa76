import { systemClock, type Clock } from '../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, checkSignal } from '../options.ts'
import { Announcer, type AnnouncerSettings, type Announcement } from './announcer.ts'
import { registryBackoff, type RegistryBackoff } from './backoff.ts'
import { toInstance } from './instance.ts'
import type { Instance, InstanceInit, Registrar } from './source.ts'
import { checkText } from './text.ts'

export type { Announcement } from './announcer.ts'

/** Options of `announce()`. */
export interface AnnounceOptions {
  /** Ends the announcement, as `close()` does. */
  signal?: AbortSignal
  /**
   * Called with the error of each failed try to register, renew or release. The announcement retries by itself.
   * @default a process warning for the first failure in a row
   */
  onError?: (error: unknown) => void
  /** Called each time the registry accepts the instance: at first, and again after the registry had forgotten it. */
  onRegistered?: (instance: Instance) => void
  /**
   * How long the registry may take for one answer, in ms. A heartbeat may take a third of the ttl, if that is
   * less.
   * @default 5_000
   */
  timeout?: number
  /** The delays between tries while the registry fails. Half of each delay is random. */
  backoff?: RegistryBackoff
  /** @default the system's clock */
  clock?: Clock
}

export const ANNOUNCE_OPTIONS: readonly string[] = [
  'signal',
  'onError',
  'onRegistered',
  'timeout',
  'backoff',
  'clock',
]

/**
 * Registers the instance and keeps it registered. Sends a heartbeat every third of the ttl (± 10 %), and
 * registers again when the registry has forgotten the instance. Resolves after the first try, even if it
 * failed: the server starts although the registry is down, and the announcement retries in the background. Only
 * the first try and the release keep the process alive.
 *
 * Heartbeats go on until `close()`, the `signal` or the end of the process. Losing the reference to the
 * announcement does not end them. Do not use `await using` at the top level of a module: the module's scope
 * ends while the server is still running. If the same id is announced twice, there is one registration, with
 * the newer url.
 *
 * @example
 * const announced = announce(registry, 'user-service', { url: 'http://127.0.0.1:8080' })
 * // Before anything is awaited, so that a signal during the first try is handled.
 * process.once('SIGTERM', () => announced.then((me) => me.close()))
 */
export async function announce(
  registrar: Registrar,
  service: string,
  instance: InstanceInit,
  options: AnnounceOptions = {},
): Promise<Announcement> {
  checkObject('announce', options, ANNOUNCE_OPTIONS)
  const settings = announceSettings(registrar, service, options)
  const own = toInstance(instance)
  return startAnnouncer(settings, own, own)
}

/**
 * Resolves after the first try to register, whether it succeeded or failed. Rejects when the signal aborts
 * before. `wanted` is registered at first. If it is undefined, nothing is registered yet.
 */
export async function startAnnouncer(
  settings: AnnouncerSettings,
  instance: Instance,
  wanted: Instance | undefined,
): Promise<Announcer> {
  settings.signal?.throwIfAborted()
  const announcer = new Announcer(settings, instance, wanted)
  await announcer.start()
  return announcer
}

/** Checks everything but the instance, and sets defaults. */
export function announceSettings(
  registrar: Registrar,
  service: string,
  options: AnnounceOptions,
): AnnouncerSettings {
  const { signal, onError, onRegistered, timeout = 5_000, backoff, clock = systemClock } = options
  checkMethods('registrar', registrar, ['register'])
  checkText('service', service)
  checkSignal(signal)
  if (onError !== undefined) checkFunction('onError', onError)
  if (onRegistered !== undefined) checkFunction('onRegistered', onRegistered)
  checkNumber('timeout', timeout, { exclusive: true })
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  return { ...options, registrar, service, timeout, backoff: registryBackoff('backoff', backoff), clock }
}
