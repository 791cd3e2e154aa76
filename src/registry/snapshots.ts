import { checkFunction } from '../options.ts'
import type { Instance } from './source.ts'

/** Where a push API puts what it learns. */
export interface SnapshotSink {
  /** A complete snapshot. One that nobody has taken yet is replaced: the latest wins. */
  readonly next: (instances: readonly Instance[]) => void
  /** The registry failed: the watch throws `error` after the snapshot that is still to be taken. */
  readonly fail: (error: unknown) => void
}

/** Undoes what `start` did. */
export type StopSnapshots = () => unknown

/** Subscribes; `sink` may be used at once and as long as the watch lasts. */
export type StartSnapshots = (sink: SnapshotSink) => StopSnapshots | void | Promise<StopSnapshots | void>

/**
 * Bridges an API that calls back into what {@link Source.watch} has to return. `start` runs when the iteration begins;
 * what it throws fails the watch. The function it returns runs once, as soon as the watch ends for whatever reason.
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
    // There is nobody left to tell that stopping failed.
    (stopping ??= starting.then((undo) => undo?.()).catch(() => {}))
  // Not left to `finally`: a consumer may abort and never come back.
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
    // The next watch may use the same client: its subscribing must not be undone by our unsubscribing.
    if (started && !signal.aborted) await stopped
  }
}
