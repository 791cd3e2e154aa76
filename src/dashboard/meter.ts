import type { ShownApp, ShownClient } from './subjects.ts'
import type { CallOutcome, ClientEvents, Outcome } from '../observe/events.ts'
import { watch, type Watcher } from '../observe/watchers.ts'
import type { Instance } from '../registry/source.ts'
import { fieldsOf, lineOf } from '../log/describe.ts'
import { cut } from './cut.ts'
import { Latencies } from './latencies.ts'

/** How many names are counted separately for one service. All further names are counted as one. */
const MAX_NAMES = 10_000
const OTHERS = 'others'
/** Limits: log lines in one frame, characters of a line, characters of the name of its instance. */
const MAX_LINES = 200
const MAX_LINE_LENGTH = 500
const MAX_NAME_LENGTH = 200

export interface Counts {
  readonly latencies: Latencies
  calls: number
  failed: number
}

/** The counts of one service since the last frame. */
export interface ServiceCounts extends Counts {
  retries: number
  hedges: number
  refused: number
  readonly instances: Map<string, Counts>
  readonly routes: Map<string, Counts>
}

export interface Line {
  readonly at: number
  readonly kind: keyof ClientEvents
  readonly service: string
  readonly instance?: string
  readonly text: string
}

/** Counts what clients do while a page is open. */
export class Meter implements Watcher {
  readonly names: ReadonlySet<keyof ClientEvents> = EVENTS
  #services = new Map<string, ServiceCounts>()
  #lines: Line[] = []
  #dropped = 0
  readonly #list: readonly (ShownClient | ShownApp)[]
  #stops: readonly (() => void)[] = []

  constructor(list: readonly (ShownClient | ShownApp)[]) {
    this.#list = list
  }

  start(): void {
    this.#stops = this.#list.map((each) => each[watch](this))
  }

  stop(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
    this.take()
  }

  call(
    service: string,
    route: string | undefined,
    _method: string | undefined,
    outcome: CallOutcome,
    ms: number,
  ): void {
    const counts = this.#of(service)
    const isGood = outcome === 'success'
    count(counts, isGood, ms)
    if (route !== undefined) count(named(counts.routes, route), isGood, ms)
    if (outcome === 'refused') counts.refused++
  }

  attempt(service: string, _route: string | undefined, { id }: Instance, outcome: Outcome, ms: number): void {
    if (outcome !== 'ignored') count(named(this.#of(service).instances, id), outcome === 'success', ms)
  }

  event(name: keyof ClientEvents, event: ClientEvents[keyof ClientEvents]): void {
    // Retries and hedges are counted only: in an incident, each call may have one.
    if (name === 'call:retry') this.#of(event.service).retries++
    else if (name === 'call:hedge') this.#of(event.service).hedges++
    else this.#addLine(name, event as ClientEvents['call:retry'])
  }

  /** Returns the counts since the last call. */
  take(): { services: ReadonlyMap<string, ServiceCounts>; lines: readonly Line[]; dropped: number } {
    const taken = { services: this.#services, lines: this.#lines, dropped: this.#dropped }
    this.#services = new Map()
    this.#lines = []
    this.#dropped = 0
    return taken
  }

  #of(service: string): ServiceCounts {
    let counts = this.#services.get(service)
    if (!counts) {
      counts = { ...newCounts(), retries: 0, hedges: 0, refused: 0, instances: new Map(), routes: new Map() }
      this.#services.set(service, counts)
    }
    return counts
  }

  #addLine(kind: keyof ClientEvents, event: ClientEvents['call:retry']): void {
    if (this.#lines.length >= MAX_LINES) {
      this.#dropped++
      return
    }
    const fields = fieldsOf(kind, event)
    const instance = fields['instance'] ?? fields['id']
    const isOfInstance = kind !== 'call:rejected' && kind !== 'call:fallback' && typeof instance === 'string'
    this.#lines.push({
      at: event.at,
      kind,
      service: event.service,
      ...(isOfInstance && { instance: instance.slice(0, MAX_NAME_LENGTH) }),
      text: cut(lineOf(kind, fields), MAX_LINE_LENGTH),
    })
  }
}

/** The events that are counted or logged. */
const EVENTS: ReadonlySet<keyof ClientEvents> = new Set<keyof ClientEvents>([
  'call:retry',
  'call:hedge',
  'breaker:open',
  'breaker:half-open',
  'breaker:close',
  'instance:added',
  'instance:changed',
  'instance:removed',
  'instance:ejected',
  'instance:paused',
  'instance:unhealthy',
  'instance:healthy',
  'source:stale',
  'source:recovered',
  'source:invalid',
  'call:rejected',
  'call:fallback',
  'control',
  'config:changed',
])

function newCounts(): Counts {
  return { latencies: new Latencies(), calls: 0, failed: 0 }
}

function named(counts: Map<string, Counts>, name: string): Counts {
  const key = counts.has(name) || counts.size < MAX_NAMES ? name : OTHERS
  let own = counts.get(key)
  if (!own) counts.set(key, (own = newCounts()))
  return own
}

function count(counts: Counts, isGood: boolean, ms: number): void {
  counts.calls++
  if (!isGood) counts.failed++
  counts.latencies.add(ms)
}
