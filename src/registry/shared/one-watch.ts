import type { Clock } from '../../clock.ts'
import { iterable } from '../iterable.ts'
import type { Source } from '../source.ts'

export interface WatchOptions {
  /** Ends this watcher's part in the watch. When the last watcher leaves, the watch ends. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Called with each snapshot, as the source yielded it. If it throws, this watcher's part ends with that error. */
  readonly onSnapshot: (snapshot: unknown) => void
}

interface Watcher {
  readonly take: (snapshot: unknown) => void
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** How long the last watcher waits for the source to clean up, in ms. A source may ignore its signal. */
const END_TIMEOUT = 1_000

type Watches = Map<string, OneWatch>

const running = new WeakMap<Source, WeakMap<Clock, Watches>>()

/**
 * Watches one service of a source. All watchers of the same service, source and clock share one watch. Resolves
 * when the watch has ended as planned or by the signal. Rejects when the watch has failed.
 */
export function watchOne(source: Source, service: string, options: WatchOptions): Promise<void> {
  const watches = watchesOf(source, options.clock)
  let watch = watches.get(service)
  if (!watch) {
    watch = new OneWatch(() => watches.delete(service))
    watches.set(service, watch)
    watch.start(source, service)
  }
  return watch.join(options)
}

/** Like `watchOne()`, as an async iterable. Snapshots are queued until the consumer asks for them. */
export async function* iterateOne(
  source: Source,
  service: string,
  options: Omit<WatchOptions, 'onSnapshot'>,
): AsyncGenerator<unknown, void> {
  const kept: unknown[] = []
  let more = Promise.withResolvers<void>()
  const state = { isOver: false }
  const onSnapshot = (snapshot: unknown): void => {
    kept.push(snapshot)
    more.resolve()
  }
  const over = watchOne(source, service, { ...options, onSnapshot }).finally(() => {
    state.isOver = true
    more.resolve()
  })
  // The rejection is rethrown below, after the queued snapshots.
  over.catch(() => {})
  while (!state.isOver || kept.length > 0) {
    if (kept.length > 0) yield kept.shift()
    else {
      more = Promise.withResolvers()
      await more.promise
    }
  }
  await over
}

function watchesOf(source: Source, clock: Clock): Watches {
  let byClock = running.get(source)
  if (!byClock) running.set(source, (byClock = new WeakMap()))
  let watches = byClock.get(clock)
  if (!watches) byClock.set(clock, (watches = new Map()))
  return watches
}

/** One watch of a source, and its watchers. */
class OneWatch {
  readonly #watchers = new Set<Watcher>()
  readonly #stop = new AbortController()
  /** Called once, when no watcher can join any more. */
  readonly #onOver: () => void
  #isOver = false
  #latest: { readonly snapshot: unknown } | undefined
  #ended: Promise<void> = Promise.resolve()

  constructor(onOver: () => void) {
    this.#onOver = onOver
  }

  start(source: Source, service: string): void {
    this.#ended = this.#run(source, service).then(
      () => this.#end((watcher) => watcher.resolve()),
      (error: unknown) => this.#end((watcher) => watcher.reject(error)),
    )
  }

  join({ signal, clock, onSnapshot }: WatchOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = (): void => {
      // The watcher that ends the watch waits until the source has cleaned up.
      if (this.#leave(watcher)) void this.#waitForCleanup(clock).then(resolve)
      else resolve()
    }
    const watcher: Watcher = {
      take: (snapshot) => {
        try {
          onSnapshot(snapshot)
        } catch (error) {
          this.#leave(watcher)
          watcher.reject(error)
        }
      },
      resolve: () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      },
      reject: (error) => {
        signal.removeEventListener('abort', onAbort)
        reject(error)
      },
    }
    this.#watchers.add(watcher)
    signal.addEventListener('abort', onAbort, { once: true })
    if (this.#latest) watcher.take(this.#latest.snapshot)
    return promise
  }

  /** Returns true if this was the last watcher. Then the watch ends. */
  #leave(watcher: Watcher): boolean {
    this.#watchers.delete(watcher)
    if (this.#watchers.size > 0) return false
    this.#endWatch()
    return true
  }

  async #waitForCleanup(clock: Clock): Promise<void> {
    const timer = new AbortController()
    const timeout = clock.sleep(END_TIMEOUT, timer.signal).catch(() => {})
    await Promise.race([this.#ended, timeout])
    timer.abort()
  }

  #endWatch(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onOver()
    this.#stop.abort()
  }

  #end(tell: (watcher: Watcher) => void): void {
    // Also needed for an iterator that has no return().
    this.#endWatch()
    for (const watcher of this.#watchers) tell(watcher)
    this.#watchers.clear()
  }

  async #run(source: Source, service: string): Promise<void> {
    const { signal } = this.#stop
    // Awaited for a watch() that is async by mistake: without this, its rejection would be unhandled.
    const snapshots = iterable(await (source.watch(service, { signal }) as unknown))
    for await (const snapshot of snapshots) {
      // A source may ignore its signal.
      if (signal.aborted) return
      this.#latest = { snapshot }
      for (const watcher of this.#watchers) watcher.take(snapshot)
      if (signal.aborted) return
    }
  }
}
