import { changesOf, wholeOf, type Shape } from './changes.ts'
import type { Line } from './meter.ts'

/** A frame as it is sent, to each page the same bytes. */
export interface Sent {
  readonly id: number
  readonly bytes: Buffer
}

interface Kept extends Sent {
  /** The same with all that there is: where a page may begin. */
  readonly whole: Buffer | undefined
}

/** What a frame says. */
export interface Frame {
  readonly at: number
  readonly services: ReadonlyMap<string, Shape>
  readonly lines: readonly Line[]
  /** Lines that were left out. */
  readonly dropped: number
}

/** Frames from one that pages may begin with to the next, and the share of all bytes that they may have. */
const APART = 30
const SHARE = 0.25
/** Lines that a page keeps. */
const MOST_LINES = 500

const NOTHING: Frame = { at: 0, services: new Map(), lines: [], dropped: 0 }

/** Frames of the last minutes: each has only what has changed since the one before. */
export class SentFrames {
  readonly #run: number
  readonly #mostBytes: number
  #id: number
  #last = NOTHING
  /** Oldest first. The first one is whole. */
  #kept: Kept[] = []
  #bytes = 0
  #sinceWhole = 0
  #bytesSinceWhole = 0

  /** `id`: that of the frame before the first; it tells this process from others, too. */
  constructor(id: number, mostBytes: number) {
    this.#run = this.#id = id
    this.#mostBytes = mostBytes
  }

  add(frame: Frame): Sent {
    const before = this.#last.services
    const { at, services, lines, dropped } = frame
    this.#last = frame
    const id = ++this.#id
    const changed = [...services].flatMap(([name, shape]) => changesOf(before.get(name), shape) ?? [])
    const gone = [...before.keys()].filter((name) => !services.has(name))
    const bytes = eventOf(id, { at, services: changed, ...(gone.length > 0 && { gone }), lines, dropped })
    this.#keep(id, bytes)
    return { id, bytes }
  }

  /** Forgets the frames: those to come know nothing of them. */
  clear(): void {
    this.#kept = []
    this.#bytes = 0
    this.#last = NOTHING
  }

  /**
   * With what a page catches up which had the frame of an id last: a whole one, and those that follow. At most so many bytes: none
   * when it would be more. A page that is new, or was told by another process, gets as many as there are.
   */
  after(id: number, mostBytes: number): readonly Sent[] {
    const known = id > this.#id ? -1 : id
    let bytes = 0
    let start: number | undefined
    for (let place = this.#kept.length - 1; place >= 0; place--) {
      const { whole, ...frame } = this.#kept[place]!
      if (whole && bytes + whole.length <= mostBytes) {
        start = place
        if (frame.id <= known + 1) break
      }
      bytes += frame.bytes.length
      if (bytes > mostBytes) break
    }
    if (start === undefined) return []
    return this.#kept
      .slice(start)
      .map(({ whole, ...each }, at) => (at === 0 && whole ? { ...each, bytes: whole } : each))
  }

  /** The newest frame as a whole, with the lines of those after an id: one instead of all that a page was too slow for. */
  merged(after: number): Sent {
    const known = after > this.#id ? -1 : after
    let { dropped } = this.#last
    const missed = this.#kept
      .filter(({ id }) => id > known && id < this.#id)
      .flatMap(({ bytes }): readonly Line[] => {
        const frame = JSON.parse(String(bytes.subarray(bytes.indexOf('{')))) as Frame
        dropped += frame.dropped
        return frame.lines
      })
    const lines = [...missed, ...this.#last.lines]
    const shown = lines.slice(-MOST_LINES)
    return { id: this.#id, bytes: this.#whole(shown, dropped + lines.length - shown.length) }
  }

  #whole(lines: readonly Line[], dropped: number): Buffer {
    const { at, services } = this.#last
    const all = Array.from(services.values(), wholeOf)
    return eventOf(this.#id, { at, whole: this.#run, services: all, lines, dropped })
  }

  #keep(id: number, bytes: Buffer): void {
    if (this.#mostBytes === 0) return
    const isFull = this.#bytesSinceWhole > this.#mostBytes * SHARE
    const isWhole = this.#kept.length === 0 || this.#sinceWhole >= APART || isFull
    const whole = isWhole ? this.#whole(this.#last.lines, this.#last.dropped) : undefined
    this.#sinceWhole = isWhole ? 1 : this.#sinceWhole + 1
    this.#bytesSinceWhole = isWhole ? 0 : this.#bytesSinceWhole + bytes.length
    this.#kept.push({ id, bytes, whole })
    this.#bytes += bytes.length + (whole?.length ?? 0)
    let [first] = this.#kept
    while (first && (this.#bytes > this.#mostBytes || !first.whole)) {
      this.#bytes -= first.bytes.length + (first.whole?.length ?? 0)
      this.#kept.shift()
      ;[first] = this.#kept
    }
  }
}

function eventOf(id: number, frame: object): Buffer {
  return Buffer.from(`id: ${id}\ndata: ${JSON.stringify(frame)}\n\n`)
}
