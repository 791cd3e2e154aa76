import type { ShownApp, ShownClient } from './subjects.ts'
import type { CallOutcome, ClientEvents, Outcome } from '../observe/events.ts'
import { watch, type Watcher } from '../observe/watchers.ts'
import type { Instance } from '../registry/source.ts'
import { fieldsOf, lineOf } from '../log/describe.ts'
import { cut } from './cut.ts'
import { Latencies } from './latencies.ts'

/** Names that are counted for one service; the rest is counted as one. */
const MOST = 10_000
const OTHERS = 'others'
/** Lines of the log in one frame, and characters of one and of its instance's name. */
const MOST_LINES = 200
const MOST_OF_LINE = 500
const MOST_OF_NAME = 200

export interface Counts {
  readonly latencies: Latencies
  calls: number
  failed: number
}

/** What one service did since the last frame. */
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

/** Counts what clients do while somebody looks. */
export class Meter implements Watcher {
  readonly names: ReadonlySet<keyof ClientEvents> = TOLD
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

  call(service: string, route: string | undefined, outcome: CallOutcome, ms: number): void {
    const counts = this.#of(service)
    const isGood = outcome === 'success'
    count(counts, isGood, ms)
    if (route !== undefined) count(named(counts.routes, route), isGood, ms)
    if (outcome === 'refused') counts.refused++
  }

  attempt(service: string, { id }: Instance, outcome: Outcome, ms: number): void {
    if (outcome !== 'ignored') count(named(this.#of(service).instances, id), outcome === 'success', ms)
  }

  event(name: keyof ClientEvents, event: ClientEvents[keyof ClientEvents]): void {
    // Not in the log: there is one for each call in an incident.
    if (name === 'call:retry') this.#of(event.service).retries++
    else if (name === 'call:hedge') this.#of(event.service).hedges++
    else this.#tell(name, event as ClientEvents['call:retry'])
  }

  /** What was counted since the last time. */
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

  #tell(kind: keyof ClientEvents, event: ClientEvents['call:retry']): void {
    if (this.#lines.length >= MOST_LINES) {
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
      ...(isOfInstance && { instance: instance.slice(0, MOST_OF_NAME) }),
      text: cut(lineOf(kind, fields), MOST_OF_LINE),
    })
  }
}

/** What the log shows, and what is counted. */
const TOLD: ReadonlySet<keyof ClientEvents> = new Set<keyof ClientEvents>([
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
  const key = counts.has(name) || counts.size < MOST ? name : OTHERS
  let own = counts.get(key)
  if (!own) counts.set(key, (own = newCounts()))
  return own
}

function count(counts: Counts, isGood: boolean, ms: number): void {
  counts.calls++
  if (!isGood) counts.failed++
  counts.latencies.add(ms)
}
