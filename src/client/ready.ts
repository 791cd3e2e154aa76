import type { SnapshotWaiter, Core } from '../call/core.ts'
import { startTimer } from '../clock.ts'
import { NoInstanceError } from '../errors.ts'
import { checkNumber, checkObject, checkSignal } from '../options.ts'
import { sourceFailure, sourceTrouble } from '../registry/source-failure.ts'

/** Options of `client.ready()`. */
export interface ReadyOptions {
  /** Ends the wait. `ready()` then rejects with the signal's reason. */
  signal?: AbortSignal
  /** The maximum wait in milliseconds, >= 0. @default no limit */
  timeout?: number
}

/** In milliseconds: the longest timer. It keeps the process alive while `ready()` waits. */
const FOREVER = 2 ** 31 - 1

/** Waits for the first snapshot of the source. */
export async function ready(core: Core, options: ReadyOptions): Promise<void> {
  checkObject('ready()', options, ['signal', 'timeout'])
  const { timeout = Infinity } = options
  checkNumber('ready().timeout', timeout)
  const signal = checkSignal(options.signal)
  const { discovery, service, snapshotWaiters, clock } = core
  signal?.throwIfAborted()
  if (core.closeError) throw core.closeError
  if (discovery.seen) return
  const trouble = (): Error => {
    const cause = discovery.error
    const why = cause === undefined ? 'its source has not answered yet' : sourceTrouble(cause)
    return new NoInstanceError(`no instance of ${service} is known: ${why}`, { cause })
  }
  const isPermanent = (): boolean => sourceFailure(discovery.error) === 'permanent'
  if (discovery.isHopeless && isPermanent()) throw trouble()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const awaiting: SnapshotWaiter = {
    resume: () => (core.closeError ? reject(core.closeError) : resolve()),
    giveUp: () => {
      if (isPermanent()) reject(trouble())
    },
  }
  const onAbort = (): void => reject(signal?.reason)
  const cancel = startTimer(clock, Math.min(timeout, FOREVER), () => reject(trouble()))
  snapshotWaiters.add(awaiting)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
  } finally {
    cancel()
    snapshotWaiters.delete(awaiting)
    signal?.removeEventListener('abort', onAbort)
  }
}
