import type { IncomingMessage } from 'node:http'
import { systemClock, type Clock } from '../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, quote } from '../options.ts'

/** Who may act on instances from the dashboard. */
export interface DashboardActions {
  /**
   * Returns whether this request may act: true, or the name of the user, which appears in the events. May be
   * async. If it throws or takes longer than 5 s, the request may not act.
   */
  authorize: (request: IncomingMessage) => unknown
}

/** Options of a dashboard. */
export interface DashboardOptions {
  /**
   * The path where the handler is mounted, if the framework does not remove it from `request.url`: `'/ops'`.
   * @default ''
   */
  path?: string
  /** Who may isolate, restore, drain, weigh and switch to dry run. @default nobody */
  actions?: DashboardActions
  /** How many bytes of frames are stored for pages that open or reconnect. @default 4_194_304 */
  history?: number
  /** The source of time. @default the system's clock */
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
