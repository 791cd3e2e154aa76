import { EVENT_NAMES } from '../observe/event-names.ts'
import type { Client } from '../client/create-client.ts'
import type { ClientEvents } from '../observe/events.ts'

/** Latencies, in ms. */
export interface LatencySummary {
  /** The mean. */
  readonly mean: number
  /** The median. */
  readonly p50: number
  /** 90 % of the calls took at most this long. */
  readonly p90: number
  /** 99 % of the calls took at most this long. */
  readonly p99: number
  /** 99.9 % of the calls took at most this long. */
  readonly p999: number
}

/** One second of the simulation. Its requests are those that arrived in this second. */
export interface SimulatedSecond {
  /** The start of the second, in simulated ms. */
  readonly at: number
  /** The number of calls by callers. */
  readonly logical: number
  /** The share of calls that succeeded, 0 to 1. */
  readonly success: number
  /** 99 % of the calls took at most this long, in ms. */
  readonly p99: number
}

/** The events in a report: all except those that occur for each call and attempt. */
export type SimulatedEventName = Exclude<keyof ClientEvents, (typeof PER_CALL)[number]>

/** Events that occur for each call. They would hide the others. */
const PER_CALL = ['attempt', 'attempt:start', 'call', 'call:start', 'call:end'] as const

/** An event of a simulated client. */
export interface SimulatedEvent {
  readonly name: SimulatedEventName
  /** When it occurred, in simulated ms. */
  readonly at: number
  /** The number of the client that emitted it. */
  readonly client: number
  /** The id of the instance, if the event has one. */
  readonly instance?: string
}

/** The result of a simulation. */
export interface SimulationReport {
  /** The number of calls by callers. */
  readonly logical: number
  /** The number of attempts that were sent to servers for these calls. */
  readonly attempts: number
  /** The share of calls that succeeded, 0 to 1. */
  readonly success: number
  /**
   * Latencies as callers see them, from the scheduled start of each call. They include failed calls. Infinity
   * for calls that never ended.
   */
  readonly latency: LatencySummary
  /** The number of attempts for each server. */
  readonly byServer: Readonly<Record<string, number>>
  readonly timeline: readonly SimulatedSecond[]
  /** The first 100,000 events in their order, without those of each call and attempt. */
  readonly events: readonly SimulatedEvent[]
}

const SECOND = 1000
const MAX_EVENTS = 100_000

interface Second {
  good: number
  readonly ms: number[]
}

/** Records the results of a simulation. */
export class Recorder {
  #attempts = 0
  readonly #byServer: Map<string, number>
  readonly #seconds: Second[] = []
  readonly #events: SimulatedEvent[] = []

  constructor(servers: readonly string[]) {
    this.#byServer = new Map(servers.map((id) => [id, 0]))
  }

  listen(client: Client, index: number): void {
    for (const name of EVENT_NAMES) {
      if (isPerCall(name)) continue
      client.on(name, (event) => {
        if (this.#events.length >= MAX_EVENTS) return
        const instance = 'instance' in event ? { instance: event.instance.id } : {}
        this.#events.push({ name, at: event.at, client: index, ...instance })
      })
    }
  }

  sent(server: string): void {
    this.#attempts++
    this.#byServer.set(server, (this.#byServer.get(server) ?? 0) + 1)
  }

  settled(scheduled: number, ms: number, good: boolean): void {
    const second = (this.#seconds[Math.floor(scheduled / SECOND)] ??= { good: 0, ms: [] })
    second.ms.push(ms)
    if (good) second.good++
  }

  report(): SimulationReport {
    const all = Float64Array.from(this.#seconds.flatMap((second) => second?.ms ?? [])).toSorted()
    const good = this.#seconds.reduce((sum, second) => sum + (second?.good ?? 0), 0)
    return {
      logical: all.length,
      attempts: this.#attempts,
      success: all.length === 0 ? 1 : good / all.length,
      latency: {
        mean: all.reduce((sum, ms) => sum + ms, 0) / (all.length || 1),
        p50: percentile(all, 0.5),
        p90: percentile(all, 0.9),
        p99: percentile(all, 0.99),
        p999: percentile(all, 0.999),
      },
      byServer: Object.fromEntries(this.#byServer),
      timeline: this.#seconds.flatMap((second, index) => (second ? [summary(second, index)] : [])),
      events: [...this.#events],
    }
  }
}

function summary({ good, ms }: Second, index: number): SimulatedSecond {
  const sorted = Float64Array.from(ms).toSorted()
  return { at: index * SECOND, logical: ms.length, success: good / ms.length, p99: percentile(sorted, 0.99) }
}

/** Returns the smallest value that is not below `share` of the values. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? 0
}

function isPerCall(name: keyof ClientEvents): name is (typeof PER_CALL)[number] {
  return PER_CALL.some((each) => each === name)
}
