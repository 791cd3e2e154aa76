import type { Clock } from '../clock.ts'
import { outsideCalls } from '../observe/scope.ts'
import type { Instance } from '../registry/source.ts'
import { isLate } from '../verdict/time-limit.ts'
import { Health, type Trust, type Check, type CheckResult } from './health.ts'
import type { HealthPolicy } from './policy.ts'
import { firstCheck, nextCheck } from './schedule.ts'

/** The part of an endpoint that the checker uses. */
export interface Checked {
  readonly instance: Instance
  readonly removed: boolean
  health: Health | undefined
  /** When its open breaker is due for a first probe. Undefined while the breaker is not open, or needs no probe. */
  readonly probeAt: number | undefined
  /** Called when a check that replaced a probe has failed. */
  probeFailed(now: number): void
}

export interface CheckerContext<Endpoint extends Checked> {
  readonly clock: Clock
  endpoints(): readonly Endpoint[]
  /** When a call last requested an instance, in ms on the clock. */
  usedAt(): number
  /** Whether the balancer leaves the instance to other clients. */
  isOthers(endpoint: Endpoint, now: number): boolean
  /** Called when the selection may have changed. `to` is the new state, if it must be published. */
  changed(endpoint: Endpoint, to: 'healthy' | 'unhealthy' | undefined): void
}

/** How to check, and by which policy. */
export interface Checks {
  readonly policy: HealthPolicy
  readonly check: Check
}

interface Running {
  readonly begunAt: number
  deadline: number
  /** Whether the check got its timeout a second time, because the timer of this process was late. */
  hadExtension: boolean
  readonly cancel: () => void
}

/** How many checks of a client may run at the same time. */
export const CHECKS_AT_A_TIME = 8
/** In ms. A client is in use until there was no call for this time, or for three intervals if that is longer. */
const IN_USE = 60_000

/**
 * Checks the instances of a client while it is in use. It has at most one timer. It has none before the first
 * call, and none after a time without calls.
 */
export class Checker<Endpoint extends Checked> implements Trust {
  isTrusted = false
  isAsleep = true
  #checks: Checks | undefined
  readonly #context: CheckerContext<Endpoint>
  readonly #running = new Map<Endpoint, Running>()
  #timer: AbortController | undefined
  #timerAt = Infinity
  #wokenAt = -Infinity
  /** The number of instances that are checked. */
  #count = 0
  #isClosed = false

  constructor(context: CheckerContext<Endpoint>, checks: Checks | undefined) {
    this.#context = context
    this.#checks = checks
  }

  get isOn(): boolean {
    return this.#checks !== undefined && !this.#isClosed
  }

  /** How long a breaker that is due waits for the check that starts then, in ms. */
  get patience(): number {
    return this.isAsleep || !this.#checks ? 0 : this.#checks.policy.timeout + SLACK
  }

  /** Uses other checks from now on, or none. The states stay. */
  reconfigure(checks: Checks | undefined): void {
    this.#stopChecks()
    this.#checks = checks
    this.isTrusted = false
    for (const endpoint of this.#context.endpoints()) {
      if (checks) endpoint.health?.adopt(checks.policy)
      else endpoint.health = undefined
    }
    this.applied()
  }

  /** Called when the instances have changed. */
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
    this.#nextDueAt(now)
    let isNew = false
    for (const endpoint of this.#context.endpoints()) {
      if (endpoint.health) continue
      isNew = true
      const dueAt = now + firstCheck(policy.interval, this.#count + 1, clock.random())
      endpoint.health = new Health(policy, this, dueAt)
    }
    this.#updateTrust()
    if (isNew) this.rearm()
  }

  /** Called at the first call after a time without calls. */
  wake(): void {
    if (!this.#checks || this.#isClosed || !this.isAsleep) return
    this.isAsleep = false
    const { clock } = this.#context
    const { interval } = this.#checks.policy
    const now = clock.now()
    this.#wokenAt = now
    this.#nextDueAt(now)
    for (const { health } of this.#context.endpoints()) {
      if (!health) continue
      health.forget()
      health.dueAt = now + (health.isOut ? 0 : firstCheck(interval, this.#count, clock.random()))
    }
    this.#updateTrust()
    this.rearm()
  }

  /** Called when a check may be due earlier than before. */
  rearm(): void {
    // Not in the async context of the current call.
    if (!this.isAsleep) outsideCalls.runInAsyncScope(() => this.#setTimer())
  }

  close(): void {
    this.#isClosed = true
    this.#stopChecks()
  }

  /** Stops the timer and all checks. */
  #stopChecks(): void {
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
    if (!policy || now >= this.#inUseUntil(policy)) this.#stopChecks()
    else {
      this.#begin(now)
      this.#setTimer()
    }
  }

  /** Fails the checks that took too long. If this process was late itself, they get their timeout once more. */
  #expire(now: number, late: number): void {
    for (const [endpoint, running] of this.#running) {
      if (running.deadline > now) continue
      if (isLate(late) && !running.hadExtension) {
        running.hadExtension = true
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
      hadExtension: false,
      cancel: () => cancel?.(),
    }
    this.#running.set(endpoint, running)
    if (endpoint.health) endpoint.health.begunAt = now
    const done = (result: CheckResult): void => {
      if (this.#running.get(endpoint) !== running) return
      this.#settle(endpoint, result)
      this.#begin(this.#context.clock.now())
      this.#setTimer()
    }
    try {
      cancel = checks.check(endpoint.instance.url, done)
    } catch (error) {
      // The user's transport cannot be used.
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
    this.#updateTrust()
    if (isProbe && result.outcome === 'fail' && this.isTrusted) endpoint.probeFailed(now)
    this.#context.changed(endpoint, to)
  }

  #updateTrust(): void {
    this.isTrusted = this.#context.endpoints().some(({ health }) => health?.isPassing === true)
  }

  #dueAt(endpoint: Endpoint, now: number): number {
    const { health, probeAt } = endpoint
    if (!health) return Infinity
    // An unhealthy instance is in no client's subset until it is healthy, so every client checks it.
    if (health.state !== 'unhealthy' && this.#context.isOthers(endpoint, now)) return Infinity
    const awaited = probeAt !== undefined && this.isTrusted && health.begunAt < probeAt ? probeAt : Infinity
    return Math.min(health.dueAt, awaited)
  }

  #setTimer(): void {
    if (this.isAsleep || !this.#checks) return
    const { clock } = this.#context
    const now = clock.now()
    let at = Math.min(this.#inUseUntil(this.#checks.policy), this.#nextDueAt(now))
    for (const { deadline } of this.#running.values()) at = Math.min(at, deadline)
    if (at >= this.#timerAt) return
    this.#timer?.abort()
    const timer = new AbortController()
    this.#timer = timer
    this.#timerAt = Math.max(at, now)
    clock.sleep(this.#timerAt - now, timer.signal, { ref: false }).then(
      () => this.#onTimer(timer),
      () => {},
    )
  }

  /**
   * Returns when the next check is due, or Infinity if the maximum is running. Also counts the instances that
   * are checked.
   */
  #nextDueAt(now: number): number {
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

  #inUseUntil({ interval }: HealthPolicy): number {
    return Math.max(this.#context.usedAt(), this.#wokenAt) + Math.max(IN_USE, 3 * interval)
  }

  /** Timers run before the event loop reads its sockets, which may contain an answer. So read them first. */
  #onTimer(timer: AbortController): void {
    const tick = (): void => {
      if (this.#timer === timer) this.#tick()
    }
    const { clock } = this.#context
    if (clock.poll) clock.poll(tick)
    else tick()
  }
}

/** A breaker that is due waits for the timeout of a check plus this time, in ms. */
const SLACK = 100
