import { systemClock, type Clock } from '../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, checkSignal } from '../options.ts'
import { Announcer, type AnnouncerSettings, type Announcement } from './announcer.ts'
import { registryBackoff, type RegistryBackoff } from './backoff.ts'
import { toInstance } from './instance.ts'
import type { Instance, InstanceInit, Registrar } from './source.ts'
import { checkText } from './text.ts'

export type { Announcement } from './announcer.ts'

/** What `announce()` takes beside the registrar, the service and the instance. */
export interface AnnounceOptions {
  /** Ends the announcement, as `close()` does. */
  signal?: AbortSignal
  /**
   * Told of each failed try to register, to renew or to release. Trying goes on by itself.
   * @default a process warning for the first failure in a row
   */
  onError?: (error: unknown) => void
  /** Told each time the registry has accepted the instance: at first, and after it had forgotten it. */
  onRegistered?: (instance: Instance) => void
  /**
   * How long the registry may take for one answer, in ms; a heartbeat gets a third of the ttl if that is less.
   * @default 5_000
   */
  timeout?: number
  /** Between tries while the registry fails; half of each delay is random. */
  backoff?: RegistryBackoff
  /** @default the system's */
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
 * Registers the instance and keeps it registered: a heartbeat every third of the ttl (± 10 %), a new registration when
 * the registry has forgotten it. Resolves after the first try, also when that failed: a registry that is down stops no
 * server, trying goes on in the background. Keeps no process alive but for the first try and the release.
 *
 * Heartbeats go on until `close()`, the `signal` or the end of the process; to let the announcement go changes nothing.
 * Not for `await using` at the top level of a module, which ends while the server runs on. The same id announced twice
 * is one registration, of the newer url.
 *
 * @example
 * const announced = announce(registry, 'user-service', { url: 'http://127.0.0.1:8080' })
 * // Before anything is awaited, so that a signal during the first try is heard.
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
 * Resolves after the first try to register, however it went; rejects when the signal aborts before. `wanted` is what is
 * registered at first; undefined: nothing.
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

/** Everything but the instance, checked and with its defaults. */
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
