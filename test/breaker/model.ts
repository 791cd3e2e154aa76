import type { Transition } from '../../src/breaker/transition.ts'
import type { BreakerPolicy } from '../../src/breaker/policy.ts'
import type { BreakerReason, BreakerState, Outcome } from '../../src/observe/events.ts'

interface Result {
  readonly at: number
  failed: boolean
  readonly slow: boolean
  readonly wasSuccess: boolean
  /** True if the result ends the streak of failures before it. */
  endsStreak: boolean
}

export interface ModelPermit {
  readonly epoch: number
  readonly at: number
  settled: boolean
  result?: Result
}

/**
 * A simple and slow breaker: it keeps every result and every probe of the current state, and counts them again each
 * time. It has no jitter.
 */
export class Model {
  state: BreakerState = 'closed'
  readonly transitions: Transition[] = []
  #epoch = 0
  #results: Result[] = []
  #probes: ModelPermit[] = []
  #probeResults: Result[] = []
  #probeAt = 0
  #lastHeard = 0
  #notBefore = -Infinity
  #closedAt = -Infinity
  #level = 0
  readonly #policy: BreakerPolicy

  constructor(policy: BreakerPolicy) {
    this.#policy = policy
  }

  /** Time passes. Only the deadline of half-open has an effect by itself. */
  advance(now: number): void {
    const deadline = this.#lastHeard + this.#policy.maxHalfOpenWait
    if (this.state === 'half-open' && now >= deadline) this.#trip(deadline, 'half-open-timeout')
  }

  reads(now: number): BreakerState {
    return this.state === 'open' && now >= this.#probeAt ? 'half-open' : this.state
  }

  admits(now: number): boolean {
    if (this.state === 'closed') return true
    if (this.state === 'open') return now >= this.#probeAt
    const inFlight = this.#probes.filter((probe) => this.#probing(probe, now)).length
    const { halfOpenProbes, round } = this.#policy
    return now >= this.#notBefore && inFlight < halfOpenProbes && inFlight + this.#probeResults.length < round
  }

  acquire(now: number): ModelPermit | undefined {
    if (!this.admits(now)) return undefined
    if (this.state === 'open') {
      this.#enter('half-open', 'open-elapsed')
      this.#probes = []
      this.#probeResults = []
      this.#lastHeard = now
    }
    const permit: ModelPermit = { epoch: this.#epoch, at: now, settled: false }
    if (this.state === 'half-open') this.#probes.push(permit)
    return permit
  }

  settle(permit: ModelPermit, outcome: Outcome, ms: number, now: number, retryAfter: number): void {
    if (permit.epoch !== this.#epoch) return
    const { maxHalfOpenWait, slowCallDuration, slowCallRate, openFor } = this.#policy
    const late = this.state === 'half-open' && !this.#probing(permit, now)
    permit.settled = true
    if (late) return
    if (outcome === 'overload' || outcome === 'failure') {
      const pause = Math.min(retryAfter, Math.max(600_000, openFor.max))
      if (pause > 0) this.#notBefore = Math.max(this.#notBefore, now + pause)
    }
    const slow = ms >= slowCallDuration
    if (this.state === 'half-open') {
      if (outcome === 'ignored') return
      if (maxHalfOpenWait < Infinity) this.#lastHeard = Math.max(now, this.#notBefore)
      if (outcome === 'overload') return
      const failed = outcome === 'failure' || (slow && slowCallRate <= 1)
      const result = { at: now, failed, slow, wasSuccess: !failed, endsStreak: false }
      permit.result = result
      this.#probeResults.push(result)
      this.#judgeProbes(now)
    } else {
      if (outcome === 'ignored' || outcome === 'overload') return
      const failed = outcome === 'failure'
      const result = { at: now, failed, slow, wasSuccess: !failed, endsStreak: !failed }
      if (!failed) permit.result = result
      this.#results.push(result)
      this.#judge(now)
    }
  }

  amend(permit: ModelPermit, now: number): void {
    const result = permit.result
    delete permit.result
    if (!result?.wasSuccess || permit.epoch !== this.#epoch) return
    result.failed = true
    if (this.state === 'half-open') {
      this.#judgeProbes(now)
    } else {
      const later = this.#results.slice(this.#results.indexOf(result) + 1)
      if (!later.some(({ wasSuccess }) => wasSuccess)) result.endsStreak = false
      this.#judge(now)
    }
  }

  force(now: number, openFor: number): void {
    if (this.state === 'open') {
      this.#probeAt = Math.max(this.#probeAt, now + openFor)
      return
    }
    if (this.state === 'closed') this.#recover(now)
    this.#probeAt = now + openFor
    this.#enter('open', 'outlier', openFor)
  }

  isolate(): void {
    this.#probeAt = Infinity
    if (this.state !== 'open') this.#enter('open', 'isolated', Infinity)
  }

  reset(): void {
    this.#level = 0
    this.#notBefore = this.#closedAt = -Infinity
    this.#results = []
    this.#enter('closed', 'reset')
  }

  share(now: number): number {
    const { rampFor } = this.#policy
    if (this.state !== 'closed' || now >= this.#closedAt + rampFor) return 1
    return Math.max(0.1, (now - this.#closedAt) / rampFor)
  }

  #probing(probe: ModelPermit, now: number): boolean {
    return !probe.settled && now < probe.at + this.#policy.probeTimeout
  }

  #judge(now: number): void {
    const { window, minimumCalls, failureThreshold, failureRate, slowCallRate } = this.#policy
    const sinceSuccess = this.#results.slice(this.#results.findLastIndex((result) => result.endsStreak) + 1)
    const held = this.#results.filter(({ at }, index) => {
      if (!window) return false
      if ('calls' in window) return index >= this.#results.length - window.calls
      const width = window.ms / 10
      return Math.floor(at / width) > Math.floor(now / width) - 10
    })
    const rate = (count: number): number => (held.length < minimumCalls ? -1 : count / held.length)
    const reason =
      sinceSuccess.length >= failureThreshold
        ? 'consecutive-failures'
        : rate(held.filter(({ failed }) => failed).length) >= failureRate
          ? 'failure-rate'
          : rate(held.filter(({ slow }) => slow).length) >= slowCallRate
            ? 'slow-call-rate'
            : undefined
    if (!reason) return
    this.#recover(now)
    this.#trip(now, reason)
  }

  #judgeProbes(now: number): void {
    const { successRate, successThreshold, round } = this.#policy
    const failures = this.#probeResults.filter(({ failed }) => failed).length
    const successes = this.#probeResults.length - failures
    const byRate = successRate <= 1
    const best = round - failures
    if (byRate ? best / round < successRate : failures > 0) {
      this.#trip(now, byRate ? 'probes-failed' : 'probe-failed')
    } else if (byRate ? successes / round >= successRate : successes >= successThreshold) {
      this.#results = []
      this.#closedAt = now
      this.#enter('closed', 'probes-succeeded')
    }
  }

  #recover(now: number): void {
    for (let t = this.#closedAt + this.#policy.openFor.initial; t <= now && this.#level > 0;) {
      this.#level--
      t += this.#policy.openFor.initial
    }
  }

  #trip(now: number, reason: BreakerReason): void {
    const { initial, factor, max } = this.#policy.openFor
    let time = initial
    let highest = 1
    for (let level = 0; level < this.#level; level++) time = Math.min(max, time * factor)
    if (factor > 1) for (let grown = initial; grown < max; grown *= factor) highest++
    this.#level = Math.min(this.#level + 1, highest)
    const openFor = Math.max(time, this.#notBefore - now)
    this.#probeAt = now + openFor
    this.#enter('open', reason, openFor)
  }

  #enter(to: BreakerState, reason: BreakerReason, openFor?: number): void {
    const from = this.state
    this.state = to
    this.#epoch++
    if (from !== to)
      this.transitions.push({ from, to, reason, ...(openFor === undefined ? {} : { openFor }) })
  }
}
