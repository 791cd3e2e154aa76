import type { Clock } from '../clock.ts'
import { nobody } from '../observe/scope.ts'
import type { Instance } from '../registry/source.ts'
import { isLate } from '../verdict/limit.ts'
import { Health, type Belief, type Check, type CheckResult } from './health.ts'
import type { HealthPolicy } from './policy.ts'
import { firstCheck, nextCheck } from './schedule.ts'

/** An instance as the checks see it. */
export interface Checked {
  readonly instance: Instance
  readonly removed: boolean
  health: Health | undefined
  /** When its open breaker is due for a first probe; undefined while it is not open, or waits for nothing. */
  readonly probeAt: number | undefined
  /** A check that was made in the place of a probe failed. */
  probeFailed(now: number): void
}

export interface CheckerContext<Endpoint extends Checked> {
  readonly clock: Clock
  endpoints(): readonly Endpoint[]
  /** When a call last asked for an instance, by the clock. */
  usedAt(): number
  /** Whether the balancer leaves it to other clients. */
  isOthers(endpoint: Endpoint, now: number): boolean
  /** The selection may have changed, and with `to` the state that is told of. */
  changed(endpoint: Endpoint, to: 'healthy' | 'unhealthy' | undefined): void
}

/** What checks are made by, and how. */
export interface Checks {
  readonly policy: HealthPolicy
  readonly check: Check
}

interface Running {
  readonly begunAt: number
  deadline: number
  /** It has got its time twice, because this process did not look in time. */
  isExcused: boolean
  readonly cancel: () => void
}

/** Checks under way at a time. */
export const CHECKS_AT_A_TIME = 8
/** Milliseconds without a call after which no checks are made, or three intervals if that is longer. */
const IDLE = 60_000

/**
 * Checks the instances of a client while it is in use. It has one timer at most, and none before the first call or after a time
 * without calls.
 */
export class Checker<Endpoint extends Checked> implements Belief {
  isBelieved = false
  isAsleep = true
  #checks: Checks | undefined
  readonly #context: CheckerContext<Endpoint>
  readonly #running = new Map<Endpoint, Running>()
  #timer: AbortController | undefined
  #timerAt = Infinity
  #wokenAt = -Infinity
  /** Instances that are checked. */
  #count = 0
  #isClosed = false

  constructor(context: CheckerContext<Endpoint>, checks: Checks | undefined) {
    this.#context = context
    this.#checks = checks
  }

  get isOn(): boolean {
    return this.#checks !== undefined && !this.#isClosed
  }

  /** A breaker waits this long for a check that was begun when it was due. */
  get patience(): number {
    return this.isAsleep || !this.#checks ? 0 : this.#checks.policy.timeout + SLACK
  }

  /** Other checks from now on, or none. States stay. */
  reconfigure(checks: Checks | undefined): void {
    this.#rest()
    this.#checks = checks
    this.isBelieved = false
    for (const endpoint of this.#context.endpoints()) {
      if (checks) endpoint.health?.adopt(checks.policy)
      else endpoint.health = undefined
    }
    this.applied()
  }

  /** The instances have changed. */
  applied(): void {
    const { clock } = this.#context
    for (const [endpoint, running] of this.#running) {
      if (!endpoint.removed) continue
      this.#running.delete(endpoint)
      running.cancel()
    }
    if (!this.#checks || this.#isClosed) return
    const { policy } = this.#checks
    const now = clock.now()
    this.#look(now)
    let isNew = false
    for (const endpoint of this.#context.endpoints()) {
      if (endpoint.health) continue
      isNew = true
      const dueAt = now + firstCheck(policy.interval, this.#count + 1, clock.random())
      endpoint.health = new Health(policy, this, dueAt)
    }
    this.#judge()
    if (isNew) this.rearm()
  }

  /** The first call after a time without any. */
  wake(): void {
    if (!this.#checks || this.#isClosed || !this.isAsleep) return
    this.isAsleep = false
    const { clock } = this.#context
    const { interval } = this.#checks.policy
    const now = clock.now()
    this.#wokenAt = now
    this.#look(now)
    for (const { health } of this.#context.endpoints()) {
      if (!health) continue
      health.forget()
      health.dueAt = now + (health.isOut ? 0 : firstCheck(interval, this.#count, clock.random()))
    }
    this.#judge()
    this.rearm()
  }

  /** Something may be due earlier than it was. */
  rearm(): void {
    // Not in the context of whoever made the call.
    if (!this.isAsleep) nobody.runInAsyncScope(() => this.#arm())
  }

  close(): void {
    this.#isClosed = true
    this.#rest()
  }

  /** No timer and no check is left behind. */
  #rest(): void {
    this.isAsleep = true
    this.#timer?.abort()
    this.#timer = undefined
    this.#timerAt = Infinity
    for (const { cancel } of this.#running.values()) cancel()
    this.#running.clear()
  }

  #tick(): void {
    const { clock } = this.#context
    const now = clock.now()
    const late = now - this.#timerAt
    this.#timer = undefined
    this.#timerAt = Infinity
    this.#expire(now, late)
    const policy = this.#checks?.policy
    if (!policy || now >= this.#restAt(policy)) this.#rest()
    else {
      this.#begin(now)
      this.#arm()
    }
  }

  /** Checks that took too long have failed; where this process did not look in time, they get their time once more. */
  #expire(now: number, late: number): void {
    for (const [endpoint, running] of this.#running) {
      if (running.deadline > now) continue
      if (isLate(late) && !running.isExcused) {
        running.isExcused = true
        running.deadline = now + running.deadline - running.begunAt
      } else {
        running.cancel()
        this.#settle(endpoint, { outcome: 'fail', failure: { reason: 'timeout' } })
      }
    }
  }

  #begin(now: number): void {
    for (const endpoint of this.#context.endpoints()) {
      if (this.#running.size >= CHECKS_AT_A_TIME) return
      if (this.#dueAt(endpoint, now) <= now && !this.#running.has(endpoint)) this.#start(endpoint, now)
    }
  }

  #start(endpoint: Endpoint, now: number): void {
    const checks = this.#checks
    if (!checks) return
    let cancel: (() => void) | undefined
    const running: Running = {
      begunAt: now,
      deadline: now + checks.policy.timeout,
      isExcused: false,
      cancel: () => cancel?.(),
    }
    this.#running.set(endpoint, running)
    if (endpoint.health) endpoint.health.begunAt = now
    const done = (result: CheckResult): void => {
      if (this.#running.get(endpoint) !== running) return
      this.#settle(endpoint, result)
      this.#begin(this.#context.clock.now())
      this.#arm()
    }
    try {
      cancel = checks.check(endpoint.instance.url, done)
    } catch (error) {
      // A transport of the user's that cannot be used.
      this.#settle(endpoint, { outcome: 'fail', failure: { reason: 'error', error } })
    }
  }

  #settle(endpoint: Endpoint, result: CheckResult): void {
    const running = this.#running.get(endpoint)
    this.#running.delete(endpoint)
    const { health } = endpoint
    if (!running || !health || !this.#checks) return
    const { clock } = this.#context
    const now = clock.now()
    const { probeAt } = endpoint
    const isProbe = probeAt !== undefined && probeAt <= running.begunAt
    const to = health.settle(result, running.begunAt, now)
    const { interval } = this.#checks.policy
    const pause = result.outcome === 'none' ? (result.pause ?? 0) : 0
    const wait = nextCheck(interval, this.#count, health.isChanging, clock.random())
    health.dueAt = Math.max(running.begunAt + wait, now + pause)
    this.#judge()
    if (isProbe && result.outcome === 'fail' && this.isBelieved) endpoint.probeFailed(now)
    this.#context.changed(endpoint, to)
  }

  #judge(): void {
    this.isBelieved = this.#context.endpoints().some(({ health }) => health?.isPassing === true)
  }

  #dueAt(endpoint: Endpoint, now: number): number {
    const { health, probeAt } = endpoint
    if (!health) return Infinity
    // An unhealthy one is in nobody's subset until it is healthy.
    if (health.state !== 'unhealthy' && this.#context.isOthers(endpoint, now)) return Infinity
    const awaited = probeAt !== undefined && this.isBelieved && health.begunAt < probeAt ? probeAt : Infinity
    return Math.min(health.dueAt, awaited)
  }

  #arm(): void {
    if (this.isAsleep || !this.#checks) return
    const { clock } = this.#context
    const now = clock.now()
    let at = Math.min(this.#restAt(this.#checks.policy), this.#look(now))
    for (const { deadline } of this.#running.values()) at = Math.min(at, deadline)
    if (at >= this.#timerAt) return
    this.#timer?.abort()
    const timer = new AbortController()
    this.#timer = timer
    this.#timerAt = Math.max(at, now)
    clock.sleep(this.#timerAt - now, timer.signal, { ref: false }).then(
      () => this.#rung(timer),
      () => {},
    )
  }

  /** When the next check is due, if there is a place for it. Counts the instances that are checked. */
  #look(now: number): number {
    let next = Infinity
    let count = 0
    for (const endpoint of this.#context.endpoints()) {
      const dueAt = this.#dueAt(endpoint, now)
      if (dueAt < Infinity) count++
      if (dueAt < next && !this.#running.has(endpoint)) next = dueAt
    }
    this.#count = count
    return this.#running.size < CHECKS_AT_A_TIME ? next : Infinity
  }

  #restAt({ interval }: HealthPolicy): number {
    return Math.max(this.#context.usedAt(), this.#wokenAt) + Math.max(IDLE, 3 * interval)
  }

  /** Timers run before the event loop looks at its sockets, where an answer may lie. */
  #rung(timer: AbortController): void {
    const tick = (): void => {
      if (this.#timer === timer) this.#tick()
    }
    const { clock } = this.#context
    if (clock.poll) clock.poll(tick)
    else tick()
  }
}

/** A breaker that is due waits this many ms longer than a check may take. */
const SLACK = 100
