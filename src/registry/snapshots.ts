import { checkFunction } from '../options.ts'
import type { Instance } from './source.ts'

/** Where a push API delivers its snapshots and errors. */
export interface SnapshotSink {
  /** Delivers a complete snapshot. It replaces one that the consumer has not taken yet. */
  readonly next: (instances: readonly Instance[]) => void
  /** Reports that the registry failed. The watch yields the snapshot that is still pending, then throws `error`. */
  readonly fail: (error: unknown) => void
}

/** Ends the subscription that `start` made. */
export type StopSnapshots = () => unknown

/** Subscribes. `sink` may be used at once, until the watch ends. */
export type StartSnapshots = (sink: SnapshotSink) => StopSnapshots | void | Promise<StopSnapshots | void>

/**
 * Turns an API with callbacks into what {@link Source.watch} must return. `start` runs when the iteration
 * begins. If it throws, the watch fails. The function that it returns runs once, as soon as the watch ends for
 * any reason.
 *
 * @example
 * const source: Source = {
 *   watch: (service, { signal }) =>
 *     snapshots(signal, ({ next, fail }) => {
 *       const subscription = registry.subscribe(service, next)
 *       subscription.on('error', fail)
 *       return () => subscription.unsubscribe()
 *     }),
 * }
 */
export function snapshots(signal: AbortSignal, start: StartSnapshots): AsyncIterable<readonly Instance[]> {
  if (!(signal instanceof AbortSignal)) throw new TypeError('snapshots() needs the AbortSignal of the watch')
  checkFunction('start', start)
  return bridge(signal, start)
}

async function* bridge(
  signal: AbortSignal,
  start: StartSnapshots,
): AsyncGenerator<readonly Instance[], void> {
  if (signal.aborted) return
  let latest: { readonly instances: readonly Instance[] } | undefined
  let failure: { readonly error: unknown } | undefined
  let wake = (): void => {}
  const sink: SnapshotSink = {
    next: (instances) => {
      latest = { instances }
      wake()
    },
    fail: (error) => {
      failure ??= { error }
      wake()
    },
  }
  let started = false
  const starting = (async () => start(sink))()
  starting.then(() => (started = true), sink.fail)

  let stopping: Promise<unknown> | undefined
  const stop = (): Promise<unknown> =>
    // No caller is left who could be told that stopping failed.
    (stopping ??= starting.then((undo) => undo?.()).catch(() => {}))
  // Also stop on abort, not only in `finally`: a consumer may abort and never call next() or return() again.
  const onAbort = (): void => {
    wake()
    void stop()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    while (!signal.aborted) {
      if (latest) {
        const { instances } = latest
        latest = undefined
        yield instances
      } else if (failure) {
        throw failure.error
      } else {
        await new Promise<void>((resolve) => (wake = resolve))
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    const stopped = stop()
    // Wait for the end of the subscription: the next watch may subscribe with the same client, and a late
    // unsubscribe would end that subscription.
    if (started && !signal.aborted) await stopped
  }
}
