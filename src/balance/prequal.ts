import { checkNumber, checkObject } from '../options.ts'
import { IN_FLIGHT, LATENCY } from '../load/meter.ts'
import type { Balancer, Endpoint, PickRequest } from './balancer.ts'
import { factories } from './factories.ts'
import { leastOf } from './least-of.ts'
import { checkSlower, doubts, Measured } from './measured.ts'
import { markWithoutUserCode } from './own.ts'
import { peakEwma } from './peak-ewma.ts'
import { perSet } from './per-set.ts'
import { RecentNumbers } from './recent-numbers.ts'
import { Setbacks } from './setbacks.ts'
import { weightOf } from './weight.ts'

/** Options of `prequal()`. */
export interface PrequalOptions {
  /**
   * The number of endpoints compared for each pick, 2 to 64. With more, a pick finds a better endpoint, but a server
   * that reports false values can get more traffic: up to this many times its share.
   * @default 3
   */
  readonly choices?: number
  /**
   * The quantile of the recently reported loads up to which an endpoint counts as cold, 0 to 1. With 0 the lowest load
   * always wins, with 1 the lowest latency.
   * @default 0.84
   */
  readonly hot?: number
  /**
   * The time in which a report fades to 1/e, in milliseconds. An endpoint without a recent report counts as average.
   * @default 1_000
   */
  readonly fade?: number
  /**
   * If the responses of an instance take this many times the median of all instances, by this client's clock, it counts
   * as average at best, whatever it reports: it may lie. `Infinity` turns this check off.
   * @default 2
   */
  readonly slower?: number
}

/** In milliseconds. After this time without any report, the strategy picks like `peakEwma()`. */
const SILENCE_MS = 10_000

/** The failure penalty from which an endpoint counts as hot. */
const HOT_PENALTY = 2

/** Larger than any latency, so every hot endpoint costs more than every cold one. */
const HOT_COST = 1e12

/** In milliseconds. The age of pending attempts counts only above this: sending a burst takes that long. */
const SEND_TIME_MS = 10

/**
 * A reported latency is raised to the measured latency divided by this. A short queue explains a smaller difference.
 */
const MAX_SPEEDUP = 4

/** The time between two comparisons of the measured latencies of all endpoints, in milliseconds. */
const DOUBT_UPDATE_MS = 1_000

/** The last report of an endpoint, and what this client knows besides. */
class LastReport {
  load = 0
  latency = 0
  at = -Infinity
  readonly measured = new Measured()
  /** How much the report is doubted, 0 to 1. */
  doubt = 0
  /** Attempts in flight that began after the report, so the report does not include them. */
  sentSince = 0
}

/**
 * For servers that report their requests in flight and their latency (`reportLoad()`). It follows the hot-cold rule of
 * Google's Prequal. Of the endpoints drawn, those with more requests in flight than usual are hot. The cold endpoint
 * with the lowest latency is picked. If all are hot, the one with the fewest requests in flight is picked. Unlike
 * Prequal it sends no probes: each response brings a report. An endpoint that failed recently counts as hot. A reported
 * latency below a quarter of the measured latency is not believed. While no server reports, it picks like `peakEwma()`.
 *
 * @example
 * createClient({ service: 'users', source, balance: prequal() })
 */
export function prequal(options: PrequalOptions = {}): Balancer {
  checkObject('prequal', options, ['choices', 'hot', 'fade', 'slower'])
  const { choices = 3, hot = 0.84, fade = 1_000, slower = 2 } = options
  checkNumber('prequal.choices', choices, { min: 2, max: 64, integer: true })
  checkNumber('prequal.hot', hot, { max: 1 })
  checkNumber('prequal.fade', fade, { exclusive: true })
  checkSlower('prequal.slower', slower)
  const silent = peakEwma()
  const reportBy = new WeakMap<Endpoint, LastReport>()
  const setbacks = new Setbacks()
  const loads = new RecentNumbers(hot)
  const latencies = new RecentNumbers(1)
  let lastAt = -Infinity

  function lookUp(endpoint: Endpoint): LastReport {
    let report = reportBy.get(endpoint)
    if (!report) reportBy.set(endpoint, (report = new LastReport()))
    return report
  }

  /** In the order of the set, so a pick looks reports up by index. That is faster than a WeakMap look-up. */
  const reportsOf = perSet((endpoints) => ({ each: endpoints.map(lookUp), at: -Infinity }))
  let all: readonly LastReport[] = []

  function updateDoubts(endpoints: readonly Endpoint[], request: PickRequest): void {
    const set = reportsOf(endpoints, request)
    all = set.each
    if (request.now - set.at < DOUBT_UPDATE_MS) return
    set.at = request.now
    const doubted = doubts(
      all.map(({ measured }) => measured),
      slower,
    )
    for (const [index, report] of all.entries()) report.doubt = doubted[index] as number
  }

  /** Returns the reported value. If it is better than usual, the doubt moves it towards the usual value. */
  function believed(reported: number, usual: number, doubt: number): number {
    return reported + Math.max(usual - reported, 0) * doubt
  }

  function cost(endpoint: Endpoint, { now }: Pick<PickRequest, 'now'>, index: number): number {
    const report = all[index] as LastReport
    const fresh = Math.exp((report.at - now) / fade)
    const weight = weightOf(endpoint)
    const guess = loads.middle * weight
    const believedLoad = believed(report.load, guess, report.doubt)
    const load =
      Math.max(guess + (believedLoad - guess) * fresh + report.sentSince, endpoint.inFlight) / weight
    const believedLatency = believed(report.latency, latencies.middle, report.doubt)
    let expected = latencies.middle + (believedLatency - latencies.middle) * fresh
    // This detects a stalled endpoint before its first slow response.
    if (endpoint.pending > 0) expected = Math.max(expected, endpoint.pendingAge(now) - SEND_TIME_MS)
    const penalty = setbacks.penalty(endpoint, now)
    return load > loads.limit || penalty >= HOT_PENALTY ? HOT_COST * (load + 1) * penalty : expected * penalty
  }

  const least = leastOf(choices, cost)

  return markWithoutUserCode({
    pick(endpoints, request) {
      const isSilent = request.now - lastAt > SILENCE_MS
      if (!isSilent) updateDoubts(endpoints, request)
      const picked = isSilent ? silent.pick(endpoints, request) : least(endpoints, request)
      if (picked) lookUp(picked).sentSince++
      return picked
    },
    standing(endpoint, now) {
      if (now - lastAt > SILENCE_MS) return silent.standing?.(endpoint, now)
      all = [lookUp(endpoint)]
      return { cost: cost(endpoint, { now }, 0) }
    },
    reported(endpoint, { named }, now) {
      const load = named?.get(IN_FLIGHT)
      const ms = named?.get(LATENCY)
      if (load === undefined || ms === undefined) return
      const report = lookUp(endpoint)
      report.load = load
      report.latency = Math.max(ms, report.measured.ms / MAX_SPEEDUP)
      report.sentSince = 0
      report.at = lastAt = now
      loads.add(load / weightOf(endpoint))
      latencies.add(ms)
    },
    settled(endpoint, outcome, ms, now, status = 0) {
      const report = lookUp(endpoint)
      report.sentSince = Math.max(report.sentSince - 1, 0)
      // `reported` runs before `settled` for the same response. So this latency is compared with the next report.
      report.measured.add(ms, outcome === 'success' && status < 400)
      setbacks.settled(endpoint, outcome, ms, now, status)
      silent.settled?.(endpoint, outcome, ms, now, status)
    },
    amended(endpoint, ms, now) {
      setbacks.amended(endpoint, ms, now)
      silent.amended?.(endpoint, ms, now)
    },
  })
}

factories.add(prequal)
