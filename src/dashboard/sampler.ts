import type { Clock } from '../clock.ts'
import { redactUrls } from '../registry/origin.ts'
import { outsideCalls } from '../observe/scope.ts'
import { quote } from '../quote.ts'
import { shapeOf, type Shape } from './changes.ts'
import { serviceFrame } from './frame.ts'
import { Meter, type Line } from './meter.ts'
import { SentFrames, type Frame, type Sent } from './sent.ts'
import { subjectsOf, type ShownApp, type ShownClient } from './subjects.ts'

/**
 * Time between two frames, and how long sampling continues after the last page has left, because it may come
 * back. Both in ms.
 */
const INTERVAL = 1_000
const LINGER = 10_000

export type Watcher = (frame: Sent) => void

/** Makes one frame a second for all pages together, while there is a page. It has the only timer. */
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
    // Ids continue above those of an earlier process, which made at most one frame a second.
    const id = Math.max(Math.floor((clock.now() + (clock.epoch ?? 0)) / INTERVAL), 0)
    this.frames = new SentFrames(id, historyBytes)
  }

  /** Calls `watcher` with each frame from now on. The returned function ends this. */
  readonly watch = (watcher: Watcher): (() => void) => {
    this.#watchers.add(watcher)
    // Not in the async context of the first page's request.
    if (!this.#stop) outsideCalls.runInAsyncScope(() => void this.#run())
    return () => {
      const wasThere = this.#watchers.delete(watcher)
      if (wasThere && this.#watchers.size === 0) this.#leftAt = this.#clock.now()
    }
  }

  /** Stops at once. A later page starts again. */
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
        await this.#clock.sleep(INTERVAL, running.signal, { ref: false })
        // A user's clock may resolve although its signal has aborted.
        if (running.signal.aborted) return
        this.#send(meter)
      }
    } catch {
      // The sampler was closed. Nothing else throws here.
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
        // A strategy of the user's may throw when it explains itself. The page then shows a line about it, and
        // the other clients continue.
        const text = redactUrls(`the dashboard could not read a client: ${quote(error)}`)
        failed.push({ at, kind: 'control', service: '', text })
      }
    }
    return { at, services: shown, lines: [...lines, ...failed], dropped }
  }
}
