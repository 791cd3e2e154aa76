import { checkNumber, checkObject } from '../options.ts'
import { IN_FLIGHT, LATENCY } from '../load/meter.ts'
import type { Balancer, Endpoint, PickRequest } from './balancer.ts'
import { factories } from './factories.ts'
import { leastOf } from './least-of.ts'
import { checkSlower, doubts, Measured } from './measured.ts'
import { markOwn } from './own.ts'
import { peakEwma } from './peak-ewma.ts'
import { perSet } from './per-set.ts'
import { RecentNumbers } from './recent-numbers.ts'
import { Setbacks } from './setbacks.ts'
import { weightOf } from './weight.ts'

/** Options of `prequal()`. */
export interface PrequalOptions {
  /**
   * How many endpoints are compared for each pick, 2 to 64. More finds the better one, and gives more to a server that lies:
   * up to so many times its share.
   * @default 3
   */
  readonly choices?: number
  /**
   * Which part of the loads that were reported lately counts as cold, 0 to 1. 0: the least load always wins; 1: the least latency.
   * @default 0.84
   */
  readonly hot?: number
  /**
   * Milliseconds in which a report fades to 1/e: an endpoint that was not heard of for long counts as average.
   * @default 1_000
   */
  readonly fade?: number
  /**
   * An instance whose answers take this many times the median of all, by this client's clock, counts for no better than average,
   * whatever it reports: it may lie. `Infinity` believes what is not out of all proportion.
   * @default 2
   */
  readonly slower?: number
}

/** Milliseconds without any report after which the strategy does without. */
const SILENCE = 10_000

/** A failure lately, and it is hot. */
const TROUBLED = 2

/** Above any latency: what is hot comes after what is cold. */
const HOT = 1e12

/** The age of what is in flight counts from here on, in ms: less is the time it takes to send a burst. */
const SLACK = 10

/** So many times as fast as it was for this client an endpoint may say it is: the difference is what a queue does in a moment. */
const FASTER = 4

/** Milliseconds from one look at what all endpoints' answers took to the next. */
const LOOK = 1_000

/** What an endpoint said last. */
class Said {
  load = 0
  latency = 0
  at = -Infinity
  readonly measured = new Measured()
  /** How little of it is believed, 0 to 1. */
  doubt = 0
  /** Attempts made since, and not over yet: the server had not seen them. */
  sent = 0
}

/**
 * For servers that report what is in flight there and how long answers take (`reportLoad()`). Of the endpoints drawn, those
 * with more in flight than usual are hot. Of the cold ones that with the shortest latency is taken, and if all are hot the one with
 * the least in flight: the hot-cold rule of Google's Prequal. Ours sends no probes: each answer brings a report. Failures that this
 * client has seen make an endpoint hot, and a latency that is not a quarter of what it has measured is not believed. While nobody reports, it picks as `peakEwma()` does.
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
  const saidBy = new WeakMap<Endpoint, Said>()
  const setbacks = new Setbacks()
  const loads = new RecentNumbers(hot)
  const latencies = new RecentNumbers(1)
  let lastAt = -Infinity

  function lookUp(endpoint: Endpoint): Said {
    let said = saidBy.get(endpoint)
    if (!said) saidBy.set(endpoint, (said = new Said()))
    return said
  }

  /** In the order of the set: one look-up by index instead of one by object for each endpoint drawn. */
  const everySaid = perSet((endpoints) => ({ each: endpoints.map(lookUp), at: -Infinity }))
  let all: readonly Said[] = []

  function look(endpoints: readonly Endpoint[], request: PickRequest): void {
    const set = everySaid(endpoints, request)
    all = set.each
    if (request.now - set.at < LOOK) return
    set.at = request.now
    const doubted = doubts(
      all.map(({ measured }) => measured),
      slower,
    )
    for (const [index, said] of all.entries()) said.doubt = doubted[index] as number
  }

  /** What an endpoint says, or what is usual as far as it is not believed to be better. */
  function believed(said: number, usual: number, doubt: number): number {
    return said + Math.max(usual - said, 0) * doubt
  }

  function cost(endpoint: Endpoint, { now }: Pick<PickRequest, 'now'>, index: number): number {
    const said = all[index] as Said
    const fresh = Math.exp((said.at - now) / fade)
    const weight = weightOf(endpoint)
    const guess = loads.middle * weight
    const saidLoad = believed(said.load, guess, said.doubt)
    const load = Math.max(guess + (saidLoad - guess) * fresh + said.sent, endpoint.inFlight) / weight
    const saidLatency = believed(said.latency, latencies.middle, said.doubt)
    let expected = latencies.middle + (saidLatency - latencies.middle) * fresh
    // A stalled one shows before it answers late.
    if (endpoint.pending > 0) expected = Math.max(expected, endpoint.pendingAge(now) - SLACK)
    const penalty = setbacks.penalty(endpoint, now)
    return load > loads.limit || penalty >= TROUBLED ? HOT * (load + 1) * penalty : expected * penalty
  }

  const least = leastOf(choices, cost)

  return markOwn({
    pick(endpoints, request) {
      const isSilent = request.now - lastAt > SILENCE
      if (!isSilent) look(endpoints, request)
      const picked = isSilent ? silent.pick(endpoints, request) : least(endpoints, request)
      if (picked) lookUp(picked).sent++
      return picked
    },
    standing(endpoint, now) {
      if (now - lastAt > SILENCE) return silent.standing?.(endpoint, now)
      all = [lookUp(endpoint)]
      return { cost: cost(endpoint, { now }, 0) }
    },
    reported(endpoint, { named }, now) {
      const load = named?.get(IN_FLIGHT)
      const ms = named?.get(LATENCY)
      if (load === undefined || ms === undefined) return
      const said = lookUp(endpoint)
      said.load = load
      said.latency = Math.max(ms, said.measured.ms / FASTER)
      said.sent = 0
      said.at = lastAt = now
      loads.add(load / weightOf(endpoint))
      latencies.add(ms)
    },
    settled(endpoint, outcome, ms, now, status = 0) {
      const said = lookUp(endpoint)
      said.sent = Math.max(said.sent - 1, 0)
      // Told after the report of the same answer: it is the next report that is weighed with it.
      said.measured.add(ms, outcome === 'success' && status < 400)
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
