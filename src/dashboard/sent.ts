import { changesOf, wholeOf, type Shape } from './changes.ts'
import type { Line } from './meter.ts'

/** A frame as it is sent. Each page gets the same bytes. */
export interface Sent {
  readonly id: number
  readonly bytes: Buffer
}

interface StoredFrame extends Sent {
  /** The same frame with the complete state, with which a page can start. */
  readonly whole: Buffer | undefined
}

/** The content of a frame. */
export interface Frame {
  readonly at: number
  readonly services: ReadonlyMap<string, Shape>
  readonly lines: readonly Line[]
  /** How many lines were left out. */
  readonly dropped: number
}

/**
 * How many frames there are between two complete ones, and which share of the stored bytes these may have
 * together.
 */
const FRAMES_PER_WHOLE = 30
const MAX_SHARE = 0.25
/** How many lines a page keeps. */
const MAX_LINES = 500

const NOTHING: Frame = { at: 0, services: new Map(), lines: [], dropped: 0 }

/** The frames of the last minutes. Each contains only what has changed since the frame before. */
export class SentFrames {
  readonly #run: number
  readonly #maxBytes: number
  #id: number
  #last = NOTHING
  /** Ordered from old to new. The first one has the complete state. */
  #stored: StoredFrame[] = []
  #bytes = 0
  #sinceWhole = 0
  #bytesSinceWhole = 0

  /** `id` is that of the frame before the first. It also distinguishes this process from others. */
  constructor(id: number, maxBytes: number) {
    this.#run = this.#id = id
    this.#maxBytes = maxBytes
  }

  add(frame: Frame): Sent {
    const before = this.#last.services
    const { at, services, lines, dropped } = frame
    this.#last = frame
    const id = ++this.#id
    const changed = [...services].flatMap(([name, shape]) => changesOf(before.get(name), shape) ?? [])
    const gone = [...before.keys()].filter((name) => !services.has(name))
    const bytes = eventOf(id, { at, services: changed, ...(gone.length > 0 && { gone }), lines, dropped })
    this.#store(id, bytes)
    return { id, bytes }
  }

  /** Removes all frames. Later frames do not depend on them. */
  clear(): void {
    this.#stored = []
    this.#bytes = 0
    this.#last = NOTHING
  }

  /**
   * Returns the frames that a page needs which last received the frame `id`: a complete one and those after it.
   * Returns none if they have more than `maxBytes` bytes. A new page, or a page that was connected to another
   * process, gets as many frames as fit.
   */
  after(id: number, maxBytes: number): readonly Sent[] {
    const known = id > this.#id ? -1 : id
    let bytes = 0
    let start: number | undefined
    for (let place = this.#stored.length - 1; place >= 0; place--) {
      const { whole, ...frame } = this.#stored[place]!
      if (whole && bytes + whole.length <= maxBytes) {
        start = place
        if (frame.id <= known + 1) break
      }
      bytes += frame.bytes.length
      if (bytes > maxBytes) break
    }
    if (start === undefined) return []
    return this.#stored
      .slice(start)
      .map(({ whole, ...each }, at) => (at === 0 && whole ? { ...each, bytes: whole } : each))
  }

  /**
   * Returns the newest frame with the complete state, and with the lines of the frames after an id. It replaces
   * all the frames that a slow page missed.
   */
  merged(after: number): Sent {
    const known = after > this.#id ? -1 : after
    let { dropped } = this.#last
    const missed = this.#stored
      .filter(({ id }) => id > known && id < this.#id)
      .flatMap(({ bytes }): readonly Line[] => {
        const frame = JSON.parse(String(bytes.subarray(bytes.indexOf('{')))) as Frame
        dropped += frame.dropped
        return frame.lines
      })
    const lines = [...missed, ...this.#last.lines]
    const shown = lines.slice(-MAX_LINES)
    return { id: this.#id, bytes: this.#whole(shown, dropped + lines.length - shown.length) }
  }

  #whole(lines: readonly Line[], dropped: number): Buffer {
    const { at, services } = this.#last
    const all = Array.from(services.values(), wholeOf)
    return eventOf(this.#id, { at, whole: this.#run, services: all, lines, dropped })
  }

  #store(id: number, bytes: Buffer): void {
    if (this.#maxBytes === 0) return
    const isFull = this.#bytesSinceWhole > this.#maxBytes * MAX_SHARE
    const isWhole = this.#stored.length === 0 || this.#sinceWhole >= FRAMES_PER_WHOLE || isFull
    const whole = isWhole ? this.#whole(this.#last.lines, this.#last.dropped) : undefined
    this.#sinceWhole = isWhole ? 1 : this.#sinceWhole + 1
    this.#bytesSinceWhole = isWhole ? 0 : this.#bytesSinceWhole + bytes.length
    this.#stored.push({ id, bytes, whole })
    this.#bytes += bytes.length + (whole?.length ?? 0)
    let [first] = this.#stored
    while (first && (this.#bytes > this.#maxBytes || !first.whole)) {
      this.#bytes -= first.bytes.length + (first.whole?.length ?? 0)
      this.#stored.shift()
      ;[first] = this.#stored
    }
  }
}

function eventOf(id: number, frame: object): Buffer {
  return Buffer.from(`id: ${id}\ndata: ${JSON.stringify(frame)}\n\n`)
}
