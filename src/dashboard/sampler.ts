import type { Clock } from '../clock.ts'
import { redactUrls } from '../registry/origin.ts'
import { nobody } from '../observe/scope.ts'
import { quote } from '../quote.ts'
import { shapeOf, type Shape } from './changes.ts'
import { serviceFrame } from './frame.ts'
import { Meter, type Line } from './meter.ts'
import { SentFrames, type Frame, type Sent } from './sent.ts'
import { subjectsOf, type ShownApp, type ShownClient } from './subjects.ts'

/** Milliseconds between two frames, and for which it goes on after the last page has left: it may come back. */
const EVERY = 1_000
const LINGER = 10_000

export type Watcher = (frame: Sent) => void

/** Makes a frame a second for all pages together, as long as there is one. It owns the only timer. */
export class Sampler {
  readonly #list: readonly (ShownClient | ShownApp)[]
  readonly #clock: Clock
  readonly frames: SentFrames
  readonly #watchers = new Set<Watcher>()
  /** Set while it runs. */
  #stop: (() => void) | undefined
  #leftAt = -Infinity

  constructor(list: readonly (ShownClient | ShownApp)[], clock: Clock, historyBytes: number) {
    this.#list = list
    this.#clock = clock
    // A process that was started anew goes on above the ids of the one before: a frame a second at most.
    const id = Math.max(Math.floor((clock.now() + (clock.epoch ?? 0)) / EVERY), 0)
    this.frames = new SentFrames(id, historyBytes)
  }

  /** Each frame from now on, until what is returned is called. */
  readonly watch = (watcher: Watcher): (() => void) => {
    this.#watchers.add(watcher)
    // Not in the context of the request that was the first.
    if (!this.#stop) nobody.runInAsyncScope(() => void this.#run())
    return () => {
      const wasThere = this.#watchers.delete(watcher)
      if (wasThere && this.#watchers.size === 0) this.#leftAt = this.#clock.now()
    }
  }

  /** Stops at once. A page that comes later begins anew. */
  close(): void {
    this.#watchers.clear()
    this.#stop?.()
  }

  async #run(): Promise<void> {
    const running = new AbortController()
    const meter = new Meter(this.#list)
    const stop = (): void => {
      if (this.#stop !== stop) return
      this.#stop = undefined
      this.frames.clear()
      running.abort()
      meter.stop()
    }
    this.#stop = stop
    meter.start()
    try {
      while (this.#watchers.size > 0 || this.#clock.now() - this.#leftAt < LINGER) {
        await this.#clock.sleep(EVERY, running.signal, { ref: false })
        // The clock may be one that resolves though it was told to stop.
        if (running.signal.aborted) return
        this.#send(meter)
      }
    } catch {
      // Closed: nothing else is thrown.
    } finally {
      stop()
    }
  }

  #send(meter: Meter): void {
    const frame = this.frames.add(this.#frame(meter))
    for (const watcher of this.#watchers) watcher(frame)
  }

  #frame(meter: Meter): Frame {
    const { services, lines, dropped } = meter.take()
    const at = Math.round(this.#clock.now() + (this.#clock.epoch ?? 0))
    const shown = new Map<string, Shape>()
    const failed: Line[] = []
    for (const each of this.#list) {
      try {
        for (const [name, subject] of subjectsOf([each])) {
          shown.set(name, shapeOf(serviceFrame(subject, services.get(name))))
        }
      } catch (error) {
        // A strategy of the user's may throw when it explains itself: the calls and the other clients go on, and the page says so.
        const text = redactUrls(`the dashboard could not look at a client: ${quote(error)}`)
        failed.push({ at, kind: 'control', service: '', text })
      }
    }
    return { at, services: shown, lines: [...lines, ...failed], dropped }
  }
}
