import type { IncomingMessage } from 'node:http'
import { systemClock, type Clock } from '../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, quote } from '../options.ts'

/** Who may act on instances from the dashboard. */
export interface DashboardActions {
  /**
   * Whether this request may act: true, or the name of who it is, which is in the events. May be async; what throws, or takes longer
   * than 5 s, is a no.
   */
  authorize: (request: IncomingMessage) => unknown
}

/** What a dashboard takes beside what it shows. */
export interface DashboardOptions {
  /** Where the handler is mounted when nobody strips that from `request.url`: `'/ops'`. @default '' */
  path?: string
  /** Who may isolate, restore, drain, weigh and switch to dry run. @default nobody */
  actions?: DashboardActions
  /** Bytes of frames that are kept for a page that opens or comes back. @default 4_194_304 */
  history?: number
  /** Time. @default the system's */
  clock?: Clock
}

export interface Settings {
  readonly path: string
  readonly authorize: DashboardActions['authorize'] | undefined
  readonly history: number
  readonly clock: Clock
}

export function settingsOf(options: DashboardOptions): Settings {
  checkObject('dashboard()', options, ['path', 'actions', 'history', 'clock'])
  const { path = '', actions, history = 4 * 1024 * 1024, clock = systemClock } = options
  if (typeof path !== 'string' || !/^(?:\/[\w.~-]+)*$/.test(path)) {
    throw new TypeError(
      `dashboard().path must be a path such as '/ops', without a slash at its end, got ${quote(path)}`,
    )
  }
  if (actions !== undefined) {
    checkObject('dashboard().actions', actions, ['authorize'])
    checkFunction('dashboard().actions.authorize', actions.authorize)
  }
  checkNumber('dashboard().history', history, { integer: true })
  checkMethods('dashboard().clock', clock, ['now', 'sleep'])
  return { path, authorize: actions?.authorize, history, clock }
}
