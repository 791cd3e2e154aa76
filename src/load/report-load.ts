import { systemClock, type Clock } from '../clock.ts'
import { warn } from '../hooks/notify.ts'
import { unusable } from '../hooks/unusable.ts'
import { checkFunction, checkMethods, checkNumber, checkObject } from '../options.ts'
import { LoadMeter } from './meter.ts'
import { formatLoad, LOAD_HEADER, NAME, type LoadReport } from './report.ts'
import { Usage } from './usage.ts'

/** The part of a response that the middleware uses. Responses of node:http and Express have it. */
export interface ReportingResponse {
  readonly headersSent: boolean
  /** The status of the response. */
  readonly statusCode: number
  readonly writableEnded: boolean
  readonly destroyed?: boolean
  /** Responses of HTTP/2 have it. */
  readonly stream?: { readonly destroyed: boolean } | undefined
  setHeader(name: string, value: string): unknown
  writeHead: (...args: never[]) => unknown
  once(event: 'close', listener: () => void): unknown
}

/** The middleware that `reportLoad()` makes, for `node:http`, Express and similar frameworks. */
export type LoadReporter = (request: unknown, response: ReportingResponse, next?: () => void) => void

/** Options of `reportLoad()`. */
export interface ReportLoadOptions {
  /**
   * Returns the used share of the resource that limits this server: 0 idle, 1 full, more is possible. Called
   * once per window.
   * @default the utilisation of the event loop in the last window
   */
  utilization?: () => number
  /** Returns custom numbers by name, such as the length of a queue. Called for each answer. @default none */
  metrics?: () => Readonly<Record<string, number>>
  /**
   * The time over which rates and utilisations are measured, in ms.
   * @default 1_000
   */
  window?: number
  /** Time source, for tests. */
  clock?: Clock
}

const OPTIONS: Readonly<Record<keyof ReportLoadOptions, true>> = {
  utilization: true,
  metrics: true,
  window: true,
  clock: true,
}

/**
 * Reports the load of this server with each answer, for clients that balance with `reportedLoad()` or
 * `prequal()`, for Envoy, and for every other program that supports ORCA. Sets an `endpoint-load-metrics`
 * header with `cpu_utilization`, `mem_utilization`, `application_utilization`, `rps_fractional`, `eps`, and the
 * custom metrics `in_flight` (requests) and `latency` (expected at the current load, in ms). Install it before
 * every other middleware that sends an answer. If a function of yours throws or returns an invalid value, its
 * numbers are omitted, with one warning.
 *
 * @example
 * const app = express()
 * app.use(reportLoad())
 */
export function reportLoad(options: ReportLoadOptions = {}): LoadReporter {
  checkObject('reportLoad', options, Object.keys(OPTIONS))
  const { utilization, metrics, window = 1_000, clock = systemClock } = options
  if (utilization !== undefined) checkFunction('reportLoad.utilization', utilization)
  if (metrics !== undefined) checkFunction('reportLoad.metrics', metrics)
  checkNumber('reportLoad.window', window, { min: 10 })
  checkMethods('clock', clock, ['now'])
  const meter = new LoadMeter(window, clock.now())
  const usage = new Usage(clock.now())
  const warned = new Set<string>()
  let used: LoadReport = {}

  /** Calls a function of the user's. Returns undefined if it throws or returns an invalid value. */
  function ask<T>(
    name: string,
    rule: string,
    fn: () => T,
    isGood: (value: unknown) => boolean,
  ): T | undefined {
    try {
      const value = fn()
      if (isGood(value)) return value
      throw unusable(name, rule, value)
    } catch (error) {
      if (!warned.has(name))
        warn({ message: `the value of ${name} is omitted from the load report`, code: CODE }, error)
      warned.add(name)
      return undefined
    }
  }

  function text(now: number): string {
    if (meter.roll(now)) {
      used = usage.since(now)
      if (utilization) {
        const own = ask('utilization', 'a number from 0 on', utilization, isNumber)
        const { applicationUtilization: _loop, ...rest } = used
        used = own === undefined ? rest : { ...rest, applicationUtilization: own }
      }
    }
    const measured = meter.report(now)
    const own = metrics && ask('metrics', 'an object of numbers', metrics, isNumbers)
    const named = own ? new Map([...Object.entries(own), ...(measured.named ?? [])]) : measured.named
    return formatLoad({ ...used, ...measured, ...(named && { named }) })
  }

  return (_request, response, next) => {
    const isOver = response.destroyed === true || response.stream?.destroyed === true
    // The response was destroyed, or its headers were sent, before this middleware ran: it may never emit
    // 'close'.
    if (isOver || response.headersSent) {
      next?.()
      return
    }
    const came = clock.now()
    const load = meter.started()
    response.once('close', () => {
      const now = clock.now()
      // If the client did not wait for the answer, its duration is unknown.
      const failed = response.writableEnded ? response.statusCode >= 500 : undefined
      meter.finished(load, now - came, now, failed)
    })
    // For a response that sends its headers without writeHead(), as in HTTP/2.
    response.setHeader(LOAD_HEADER, text(came))
    const { writeHead } = response
    // Report the load at the time of the answer, not at the time of the request.
    response.writeHead = function report(this: ReportingResponse, ...args: never[]) {
      if (!this.headersSent) this.setHeader(LOAD_HEADER, text(clock.now()))
      return writeHead.apply(this, args)
    }
    next?.()
  }
}

const CODE = 'OUTRIGGER_LOAD'

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < Infinity
}

function isNumbers(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || 'then' in value) return false
  return Object.entries(value).every(([name, each]) => NAME.test(name) && isNumber(each))
}
